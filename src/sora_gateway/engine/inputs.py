"""Take in pictures and clips: check them and store them before the job is accepted."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from pathlib import Path

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Blob
from sora_gateway.kit.ids import new_id
from sora_gateway.ports.media import Fetcher, MediaFacts, MediaTools, Vault

Inline = Callable[[str, int, str], bytes | None]
"""``(text, limit_bytes, param)``: the bytes of a data URL or bare base64, None for anything else."""

Own = Callable[[str], Awaitable[Blob | None]]
"""The blob behind one of our own signed links, None for any other URL."""


MAX_CLIP_BYTES = 100 * 2**20

_PIECE_BYTES = 256 * 1024

_Probe = Callable[[Path], Awaitable[MediaFacts]]


class Inputs:
    """Pictures and clips on their way in, and out again to the backend."""

    def __init__(
        self, vault: Vault, tools: MediaTools, fetcher: Fetcher, inline: Inline, limit_bytes: int
    ) -> None:
        self._vault = vault
        self._tools = tools
        self._fetcher = fetcher
        self._inline = inline
        self._limit_bytes = limit_bytes

    async def store(self, data: bytes, *, param: str) -> Blob:
        """Decode the picture whole and keep its bytes as they came.

        Raises:
            GatewayError(invalid_request): no picture, damaged, too large; ``param`` is named.
        """
        if len(data) > self._limit_bytes:
            raise _too_large(len(data), self._limit_bytes, param)
        try:
            facts = await self._tools.probe_image(data)
        except GatewayError as error:
            message = f"'{param}' is not usable as a picture: {error.message}"
            raise GatewayError(error.kind, message, param=param, code=error.code) from error
        async with self._vault.writer(f"inputs/{new_id('in')}") as writer:
            await writer.write(data)
            return await writer.commit(facts)

    async def fetch(self, url: str, own: Own, *, param: str) -> Blob:
        """Do the same with what a URL, a data URL or bare base64 stands for."""
        data = self._inline(url, self._limit_bytes, param)
        if data is None:
            blob = await own(url)
            data = await self.read(blob) if blob is not None else None
        if data is None:
            data = await self._fetcher.fetch(url, limit_bytes=self._limit_bytes, param=param)
        return await self.store(data, param=param)

    async def store_clip(self, data: bytes | AsyncIterable[bytes], *, param: str) -> Blob:
        """Decide by content what the clip is and keep its bytes as they came; pieces need no memory.

        Raises:
            GatewayError(invalid_request): no mp4, QuickTime or WebM video, damaged, too long, too large;
                ``param`` is named.
        """
        pieces = _pieces(data) if isinstance(data, bytes) else data
        return await self._keep(f"inputs/{new_id('in')}", pieces, self._tools.probe_clip, param)

    async def fetch_clip(self, text: str, own: Own, *, param: str) -> Blob:
        """Do the same with what a URL, a data URL or bare base64 stands for."""
        data = self._inline(text, MAX_CLIP_BYTES, param)
        if data is None:
            blob = await own(text)
            if blob is not None:
                return await self.store_clip(self._vault.read(blob.name), param=param)
            data = await self._fetcher.fetch(text, limit_bytes=MAX_CLIP_BYTES, param=param)
        return await self.store_clip(data, param=param)

    async def store_file(self, name: str, pieces: AsyncIterable[bytes], *, param: str) -> Blob:
        """Keep a picture or a clip under ``name``, as it came.

        Raises:
            GatewayError(invalid_request): neither, or not usable; ``param`` is named.
        """
        return await self._keep(name, pieces, self._tools.probe_upload, param)

    async def _keep(self, name: str, pieces: AsyncIterable[bytes], probe: _Probe, param: str) -> Blob:
        async with self._vault.writer(name) as writer:
            size_bytes = 0
            async for piece in pieces:
                size_bytes += len(piece)
                if size_bytes > MAX_CLIP_BYTES:
                    message = (
                        f"'{param}' is larger than the {MAX_CLIP_BYTES / 2**20:.0f} MiB that are allowed."
                    )
                    raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
                await writer.write(piece)
            try:
                facts = await probe(writer.path)
            except GatewayError as error:
                message = f"'{param}' is not usable: {error.message}"
                raise GatewayError(error.kind, message, param=param, code=error.code) from error
            if facts.media_type.startswith("image/") and size_bytes > self._limit_bytes:
                raise _too_large(size_bytes, self._limit_bytes, param)
            return await writer.commit(facts)

    async def read(self, blob: Blob) -> bytes:
        """Return a stored picture whole."""
        pieces = [piece async for piece in self._vault.read(blob.name)]
        return b"".join(pieces)


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), _PIECE_BYTES):
        yield data[start : start + _PIECE_BYTES]


def _too_large(size_bytes: int, limit_bytes: int, param: str) -> GatewayError:
    limit, size = limit_bytes / 2**20, size_bytes / 2**20
    message = f"The picture in '{param}' has {size:.1f} MiB; at most {limit:.0f} MiB are allowed."
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
