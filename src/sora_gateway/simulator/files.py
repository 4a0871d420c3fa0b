"""Serve parts of a file that may be padded with an MP4 ``free`` box, never holding it in memory."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from pathlib import Path

_CHUNK_BYTES = 256 * 1024
_ZEROS = bytes(_CHUNK_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedFile:
    """A file of ``path_bytes`` bytes, followed by a ``free`` box of ``padding_bytes`` (0 or at least 16).

    Players skip a ``free`` box, so a padded MP4 plays as before.
    """

    path: Path
    path_bytes: int
    media_type: str
    padding_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        """The length of the whole."""
        return self.path_bytes + self.padding_bytes

    async def read(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """Yield the bytes from ``start`` up to, without, ``stop`` in chunks."""
        with await asyncio.to_thread(self.path.open, "rb") as file:
            await asyncio.to_thread(file.seek, min(start, self.path_bytes))
            while start < min(stop, self.path_bytes):
                chunk = await asyncio.to_thread(
                    file.read, min(_CHUNK_BYTES, min(stop, self.path_bytes) - start)
                )
                if not chunk:
                    raise OSError(f"{self.path.name} is shorter than {self.path_bytes} bytes")
                start += len(chunk)
                yield chunk
        if start < stop:
            header = free_box_header(self.padding_bytes)
            for chunk in _padding(header, start - self.path_bytes, stop - self.path_bytes):
                yield chunk


def free_box_header(size_bytes: int) -> bytes:
    """Return the 16-byte header of a ``free`` box of ``size_bytes``, header included."""
    return struct.pack(">I4sQ", 1, b"free", size_bytes)


def padding_for(path_bytes: int, wanted_bytes: int) -> int:
    """Return the padding that brings a file to ``wanted_bytes``, 0 when it is that long already."""
    missing = wanted_bytes - path_bytes
    return missing if missing >= 16 else 0


def _padding(header: bytes, start: int, stop: int) -> Iterator[bytes]:
    """Yield the bytes of a ``free`` box from ``start`` up to ``stop``."""
    while start < stop:
        chunk = header[start:stop] if start < len(header) else _ZEROS[: stop - start]
        start += len(chunk)
        yield chunk
