"""Put files into JSON as base64, past the serialiser: it would look at every character and copy them all."""

from __future__ import annotations

import binascii
import secrets
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.to_thread
from pydantic_core import to_json
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Blob
from sora_gateway.ports.media import Vault

_PIECE_BYTES = 3 * 64 * 1024
"""A multiple of three, so that base64 needs no padding in between."""

_AT_ONCE_BYTES = 16 * _PIECE_BYTES
"""All of most pictures; what is longer is read while it is sent."""

_JSON = "application/json"


class Embedded(str):
    """Stands in an answer where the base64 of a file is to be, which takes its place when it is sent."""

    __slots__ = ("length", "rest", "start")

    start: Sequence[bytes]
    """The base64 in pieces, as far as it is in memory."""

    rest: tuple[Vault, Blob] | None
    """Where to read what is not; None: all of it is in memory."""

    length: int
    """How long the base64 is."""

    def __new__(
        cls, start: Sequence[bytes], size_bytes: int, rest: tuple[Vault, Blob] | None = None
    ) -> Embedded:
        """Make one for a file of ``size_bytes``."""
        made = super().__new__(cls, f"file-{secrets.token_hex(16)}")  # no prompt can have it in it
        made.start, made.rest, made.length = start, rest, 4 * -(-size_bytes // 3)
        return made

    def __format__(self, spec: str, /) -> str:
        """Refuse to become a part of another text, where nothing would take its place.

        Raises:
            TypeError: always.
        """
        raise TypeError("an embedded file stands alone; use text()")

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the base64."""
        for piece in self.start:
            yield piece
        if self.rest is None:
            return
        vault, blob = self.rest
        odd = b""
        reading = cast(AsyncGenerator[bytes, None], vault.read(blob.name, _AT_ONCE_BYTES, blob.size_bytes))
        async with aclosing(reading) as chunks:
            async for chunk in chunks:
                odd += chunk
                even = len(odd) // 3 * 3
                yield _encoded(odd[:even])
                odd = odd[even:]
        yield _encoded(odd)

    async def text(self) -> str:
        """Return the base64 whole."""
        return b"".join([piece async for piece in self.pieces()]).decode("ascii")


def embedded_bytes(data: bytes) -> Embedded:
    """Return what stands for ``data``."""
    return Embedded([_encoded(data)], len(data))


async def embedded_file(vault: Vault, blob: Blob) -> Embedded:
    """Return what stands for a stored file; little of a long one is in memory at a time.

    Raises:
        GatewayError(not_found): it is gone.
        GatewayError(storage_unavailable): the disk fails.
    """
    path = vault.local_path(blob.name)
    if path is not None:
        start = await anyio.to_thread.run_sync(_read_start, path)
    else:
        reading = vault.read(blob.name, 0, min(_AT_ONCE_BYTES, blob.size_bytes))
        start = [_encoded(b"".join([piece async for piece in reading]))]
    rest = (vault, blob) if blob.size_bytes > _AT_ONCE_BYTES else None
    return Embedded(start, blob.size_bytes, rest)


def _encoded(data: bytes) -> bytes:
    return binascii.b2a_base64(data, newline=False)


def _read_start(path: Path) -> list[bytes]:
    try:
        with path.open("rb", buffering=0) as file:
            pieces: list[bytes] = []
            while len(pieces) * _PIECE_BYTES < _AT_ONCE_BYTES and (piece := file.read(_PIECE_BYTES)):
                pieces.append(_encoded(piece))
            return pieces
    except FileNotFoundError as error:
        raise GatewayError(ErrorKind.NOT_FOUND, "This file is not in the media store (any more).") from error
    except OSError as error:
        raise GatewayError(
            ErrorKind.STORAGE_UNAVAILABLE, "A file in the media folder cannot be read."
        ) from error


def json_with_files(content: object) -> Response:
    """Return ``content`` as JSON, with the files themselves where ``Embedded`` stand for them."""
    files = list(_files_in(content))
    parts: list[bytes | Embedded] = []
    rest = to_json(content)
    for file in files:
        before, _, rest = rest.partition(file.encode())
        parts += [before, file]
    parts.append(rest)
    return _Whole(parts) if all(file.rest is None for file in files) else _Streamed(parts)


async def in_full(content: Any) -> Any:
    """Return ``content`` with the base64 as text where ``Embedded`` stand for it."""
    match content:
        case Embedded():
            return await content.text()
        case Mapping():
            return {key: await in_full(value) for key, value in content.items()}
        case list() | tuple():
            return [await in_full(item) for item in content]
        case _:
            return content


def _files_in(content: object) -> Iterator[Embedded]:
    match content:
        case Embedded():
            yield content
        case Mapping():
            for value in content.values():
                yield from _files_in(value)
        case list() | tuple():
            for item in content:
                yield from _files_in(item)
        case _:
            pass


def _length_header(parts: Sequence[bytes | Embedded]) -> dict[str, str]:
    lengths = (part.length if isinstance(part, Embedded) else len(part) for part in parts)
    return {"content-length": str(sum(lengths))}


class _Whole(Response):
    """An answer in pieces that are all in memory and need not be joined."""

    def __init__(self, parts: Sequence[bytes | Embedded]) -> None:
        self.media_type = _JSON
        self.status_code = 200
        self.background = None
        self.init_headers(_length_header(parts))
        self._pieces = [
            piece for part in parts for piece in (part.start if isinstance(part, Embedded) else (part,))
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        for piece in self._pieces[:-1]:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": self._pieces[-1]})


class _Streamed(StreamingResponse):
    """An answer whose files are read while it is sent; they are closed whichever way it ends."""

    def __init__(self, parts: Sequence[bytes | Embedded]) -> None:
        super().__init__(_pieces(parts), headers=_length_header(parts), media_type=_JSON)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await cast(AsyncGenerator[bytes, None], self.body_iterator).aclose()


async def _pieces(parts: Sequence[bytes | Embedded]) -> AsyncGenerator[bytes, None]:
    for part in parts:
        if isinstance(part, bytes):
            yield part
            continue
        async with aclosing(part.pieces()) as pieces:
            async for piece in pieces:
                yield piece
