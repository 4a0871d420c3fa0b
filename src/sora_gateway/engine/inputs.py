"""Take in pictures and clips: check them and store them before the job is accepted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from pathlib import Path

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Blob
from sora_gateway.kit.ids import new_id
from sora_gateway.ports.media import Fetcher, LocalFile, MediaFacts, MediaTools, Vault
from sora_gateway.ports.upstream import InputFile

Inline = Callable[[str, int, str], bytes | None]
"""``(text, limit_bytes, param)``: the bytes of a data URL or bare base64, None for anything else."""

Own = Callable[[str], Awaitable[Blob | None]]
"""The blob behind one of our own signed links, None for any other URL."""

Content = bytes | LocalFile | Blob | AsyncIterable[bytes]
"""What is to be stored: bytes, a file that came in, a file of the vault, or pieces."""

MAX_CLIP_BYTES = 100 * 2**20

_LONG_TEXT = 2**20

_Probe = Callable[[Path], Awaitable[MediaFacts]]


class Inputs:
    """Pictures and clips on their way in, and out again to the backend. Files pass without filling memory."""

    def __init__(
        self, vault: Vault, tools: MediaTools, fetcher: Fetcher, inline: Inline, limit_bytes: int
    ) -> None:
        self._vault = vault
        self._tools = tools
        self._fetcher = fetcher
        self._inline = inline
        self._limit_bytes = limit_bytes

    async def store(self, picture: bytes | LocalFile | Blob, *, param: str) -> Blob:
        """Decode the picture whole and keep its bytes as they came.

        Raises:
            GatewayError(invalid_request): no picture, damaged, too large; ``param`` is named.
        """
        size_bytes = len(picture) if isinstance(picture, bytes) else picture.size_bytes
        if size_bytes > self._limit_bytes:
            raise _too_large(size_bytes, self._limit_bytes, param)
        return await self._keep(_new_name(), picture, self._probe_picture, param, "usable as a picture")

    async def fetch(self, url: str, own: Own, *, param: str) -> Blob:
        """Do the same with what a URL, a data URL or bare base64 stands for."""
        picture = await self._decoded(url, self._limit_bytes, param) or await own(url)
        if picture is None:
            picture = await self._fetcher.fetch(url, limit_bytes=self._limit_bytes, param=param)
        if isinstance(picture, Blob):
            return await self.store(picture, param=param)
        async with self._vault.spool() as spool:  # many wait in line to be decoded, and not in memory
            await spool.write([picture])
            del picture
            return await self.store(spool.file(), param=param)

    async def store_clip(self, clip: Content, *, param: str) -> Blob:
        """Decide by content what the clip is and keep its bytes as they came.

        Raises:
            GatewayError(invalid_request): no mp4, QuickTime or WebM video, damaged, too long, too large;
                ``param`` is named.
        """
        return await self._keep(_new_name(), clip, self._tools.probe_clip, param)

    async def fetch_clip(self, text: str, own: Own, *, param: str) -> Blob:
        """Do the same with what a URL, a data URL or bare base64 stands for."""
        clip = await self._decoded(text, MAX_CLIP_BYTES, param) or await own(text)
        if clip is None:
            clip = await self._fetcher.fetch(text, limit_bytes=MAX_CLIP_BYTES, param=param)
        return await self.store_clip(clip, param=param)

    async def store_file(self, name: str, content: Content, *, param: str) -> Blob:
        """Keep a picture or a clip under ``name``, as it came.

        Raises:
            GatewayError(invalid_request): neither, or not usable; ``param`` is named.
        """
        return await self._keep(name, content, self._tools.probe_upload, param)

    def file(self, blob: Blob) -> InputFile:
        """Return a stored file to be sent."""
        return InputFile(pieces=self._vault.read(blob.name), size_bytes=blob.size_bytes)

    async def _decoded(self, text: str, limit_bytes: int, param: str) -> bytes | None:
        if len(text) < _LONG_TEXT:
            return self._inline(text, limit_bytes, param)
        return await asyncio.to_thread(self._inline, text, limit_bytes, param)

    async def _probe_picture(self, path: Path) -> MediaFacts:
        return await self._tools.probe_image(path)

    async def _keep(
        self, name: str, content: Content, probe: _Probe, param: str, usable: str = "usable"
    ) -> Blob:
        if isinstance(content, Blob):
            content = await self._at_hand(content, param)
        if isinstance(content, LocalFile):
            _check_length(content.size_bytes, param)
            facts = await self._probed(content.path, content.size_bytes, probe, param, usable)
            return await self._vault.keep(name, content, facts)
        async with self._vault.writer(name) as writer:
            size_bytes = 0
            async for piece in _at_once(content) if isinstance(content, bytes) else content:
                size_bytes += len(piece)
                _check_length(size_bytes, param)
                await writer.write(piece)
            facts = await self._probed(writer.path, size_bytes, probe, param, usable)
            return await writer.commit(facts)

    async def _probed(
        self, path: Path, size_bytes: int, probe: _Probe, param: str, usable: str
    ) -> MediaFacts:
        try:
            facts = await probe(path)
        except GatewayError as error:
            message = f"'{param}' is not {usable}: {error.message}"
            raise GatewayError(error.kind, message, param=param, code=error.code) from error
        if facts.media_type.startswith("image/") and size_bytes > self._limit_bytes:
            raise _too_large(size_bytes, self._limit_bytes, param)
        return facts

    async def _at_hand(self, blob: Blob, param: str) -> LocalFile | AsyncIterable[bytes]:
        path = self._vault.local_path(blob.name)
        if path is None:
            return self._vault.read(blob.name)
        if await self._vault.size(blob.name) is None:
            message = f"The file that '{param}' names is not in the media store (any more)."
            raise GatewayError(ErrorKind.NOT_FOUND, message, param=param)
        return LocalFile(path=path, size_bytes=blob.size_bytes, digest=blob.digest)


def _new_name() -> str:
    return f"inputs/{new_id('in')}"


async def _at_once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _check_length(size_bytes: int, param: str) -> None:
    if size_bytes > MAX_CLIP_BYTES:
        message = f"'{param}' is larger than the {MAX_CLIP_BYTES / 2**20:.0f} MiB that are allowed."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)


def _too_large(size_bytes: int, limit_bytes: int, param: str) -> GatewayError:
    limit, size = limit_bytes / 2**20, size_bytes / 2**20
    message = f"The picture in '{param}' has {size:.1f} MiB; at most {limit:.0f} MiB are allowed."
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
