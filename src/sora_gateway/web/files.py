"""Deliver stored files in constant memory, with ranges and validators."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol, cast
from urllib.parse import quote

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Blob
from sora_gateway.ports.media import Vault
from sora_gateway.web.ranges import Part, Unchanged, Unsatisfiable, Whole, select

_EXTENSIONS = {
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "image/webp": "webp",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
}


class Source(Protocol):
    """Bytes of known length and identity that can be read from anywhere."""

    @property
    def media_type(self) -> str:
        """The content type."""
        ...

    @property
    def size_bytes(self) -> int:
        """The whole length."""
        ...

    @property
    def digest(self) -> str:
        """Differs when the bytes do."""
        ...

    def read(self, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield bytes ``start`` up to but not including ``end``."""
        ...


@dataclass(frozen=True, slots=True)
class StoredSource:
    """A file of the vault."""

    vault: Vault
    blob: Blob
    accel_prefix: str | None = None
    """Where the proxy in front has the vault's folder, if it sends the files itself."""

    @property
    def media_type(self) -> str:
        """See ``Source``."""
        return self.blob.media_type

    @property
    def size_bytes(self) -> int:
        """See ``Source``."""
        return self.blob.size_bytes

    @property
    def digest(self) -> str:
        """See ``Source``."""
        return self.blob.digest

    def read(self, start: int, end: int) -> AsyncIterator[bytes]:
        """See ``Source``."""
        return self.vault.read(self.blob.name, start, end)


@dataclass(frozen=True, slots=True)
class BytesSource:
    """A small file made for this answer."""

    media_type: str
    digest: str
    data: bytes

    @property
    def size_bytes(self) -> int:
        """See ``Source``."""
        return len(self.data)

    async def read(self, start: int, end: int) -> AsyncIterator[bytes]:
        """See ``Source``."""
        yield self.data[start:end]


class _FileStream(StreamingResponse):
    """Streams and closes the file whichever way it ends."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pieces = cast(AsyncGenerator[bytes, None], self.body_iterator)
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await pieces.aclose()


def extension_of(media_type: str) -> str:
    """Return the usual end of a file name."""
    return _EXTENSIONS.get(media_type, "bin")


async def deliver(request: Request, source: Source, *, name: str, is_inline: bool = False) -> Response:
    """Return the answer that carries ``source``, or the part of it that was asked for.

    Nothing of the file is held in memory but one piece. ``name`` is what a browser saves it as, without
    its extension; ``is_inline`` lets the browser show it.

    Raises:
        GatewayError(expired): the file is gone.
        HTTPException: 416.
    """
    etag = f'"{source.digest}"'
    disposition = "inline" if is_inline else "attachment"
    headers = {
        "accept-ranges": "bytes",
        "etag": etag,
        "cache-control": "private, max-age=3600",
        "content-disposition": f'{disposition}; filename="{name}.{extension_of(source.media_type)}"',
        "x-content-type-options": "nosniff",
    }
    status, start, end = 200, 0, source.size_bytes
    if isinstance(source, StoredSource) and source.accel_prefix is not None:
        return await _handed_over(source, source.accel_prefix, headers)
    match select(request.headers, etag=etag, size_bytes=source.size_bytes):
        case Unchanged():
            return Response(status_code=304, headers=headers)
        case Unsatisfiable():
            raise _unsatisfiable(request.headers["range"], source.size_bytes)
        case Part() as part:
            status, start, end = 206, part.start, part.end
            headers["content-range"] = f"bytes {start}-{end - 1}/{source.size_bytes}"
        case Whole():
            pass
    headers["content-length"] = str(end - start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=source.media_type)
    pieces = _pieces(source, start, end)
    await anext(pieces)  # opens the file: what is missing is reported before the first byte
    return _FileStream(pieces, status_code=status, headers=headers, media_type=source.media_type)


async def _handed_over(source: StoredSource, prefix: str, headers: dict[str, str]) -> Response:
    """Tell the proxy which file to send: it sees to ranges and validators, with a tag of its own."""
    if await source.vault.size(source.blob.name) is None:
        raise GatewayError(ErrorKind.EXPIRED, "The file is not kept any more.")
    ours = {name: value for name, value in headers.items() if name not in ("etag", "accept-ranges")}
    ours["x-accel-redirect"] = prefix + quote(source.blob.name)
    return Response(headers=ours, media_type=source.media_type)


async def _pieces(source: Source, start: int, end: int) -> AsyncGenerator[bytes, None]:
    if start == end:
        yield b""
        return
    async with aclosing(cast(AsyncGenerator[bytes, None], source.read(start, end))) as pieces:
        first = await _first(pieces)
        yield b""
        yield first
        async for piece in pieces:
            yield piece


async def _first(pieces: AsyncGenerator[bytes, None]) -> bytes:
    try:
        return await anext(pieces)
    except (StopAsyncIteration, GatewayError) as error:
        if isinstance(error, GatewayError) and error.kind is not ErrorKind.NOT_FOUND:
            raise
        raise GatewayError(ErrorKind.EXPIRED, "The file is not kept any more.") from error


def _unsatisfiable(asked: str, size_bytes: int) -> HTTPException:
    return HTTPException(
        416,
        detail=f"The range '{asked[:80]}' lies outside the file, which has {size_bytes} bytes.",
        headers={"content-range": f"bytes */{size_bytes}", "accept-ranges": "bytes"},
    )
