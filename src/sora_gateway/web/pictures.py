"""Give results as whole pictures: in the format asked for, as bytes or base64, whole or made smaller."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread

from sora_gateway.domain.media import Blob
from sora_gateway.web.embedding import Embedded, embedded_bytes, embedded_file
from sora_gateway.web.files import BytesSource
from sora_gateway.web.state import Services

ENCODINGS: Mapping[str, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
"""What a caller may ask for, and its media type."""


async def read_whole(services: Services, blob: Blob) -> bytes:
    """Return a stored picture's bytes."""
    return b"".join([piece async for piece in services.vault.read(blob.name)])


async def picture(services: Services, blob: Blob, encoding: str | None) -> bytes:
    """Return a stored picture as ``encoding`` (None: as it is)."""
    if encoding is None or ENCODINGS[encoding] == blob.media_type:
        return await read_whole(services, blob)
    async with _on_this_machine(services, blob) as path:
        return await services.tools.encode(path, encoding)


async def embedded(services: Services, blob: Blob, encoding: str | None) -> Embedded:
    """Return what stands in an answer for a stored picture as ``encoding`` (None: as it is) in base64."""
    if encoding is None or ENCODINGS[encoding] == blob.media_type:
        return await embedded_file(services.vault, blob)
    return embedded_bytes(await picture(services, blob, encoding))


async def preview(services: Services, blob: Blob, encoding: str) -> bytes:
    """Return a stored picture as ``encoding``, as small as a thumbnail."""
    async with _on_this_machine(services, blob) as path:
        small = await services.tools.thumbnail(path)
    async with _Copy(small) as copy:
        return await services.tools.encode(copy, encoding)


@asynccontextmanager
async def _on_this_machine(services: Services, blob: Blob) -> AsyncIterator[Path]:
    """Give a path that holds the picture, as long as the block lasts."""
    path = services.vault.local_path(blob.name)
    if path is not None:
        yield path
        return
    async with _Copy(await read_whole(services, blob)) as copy:
        yield copy


class _Copy:
    """A file on this machine with bytes that lie elsewhere, as long as the block lasts."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def __aenter__(self) -> Path:
        return await anyio.to_thread.run_sync(self._write)

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):  # the file goes also when its reader has gone
            await anyio.to_thread.run_sync(self._remove)

    def _write(self) -> Path:
        with tempfile.NamedTemporaryFile(prefix="sora-gateway-", delete=False) as file:
            file.write(self._data)
        self._path = Path(file.name)
        return self._path

    def _remove(self) -> None:
        self._path.unlink(missing_ok=True)


async def converted(services: Services, blob: Blob, encoding: str) -> BytesSource:
    """Return a stored picture as ``encoding``, ready to be delivered."""
    data = await picture(services, blob, encoding)
    return BytesSource(ENCODINGS[encoding], f"{blob.digest}-{encoding}", data)
