"""Send a file as a form, piece by piece."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

from sora_gateway.ports.upstream import InputFile


@dataclass(frozen=True, slots=True, kw_only=True)
class FileForm:
    """A ``multipart/form-data`` body with one file, ``file``, behind its fields; little of it is in memory.

    Names, values and media type come from the gateway and need no quoting.
    """

    fields: Mapping[str, str]
    name: str
    media_type: str
    content: bytes | InputFile
    boundary: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def headers(self) -> dict[str, str]:
        """What goes before the body."""
        file_bytes = len(self.content) if isinstance(self.content, bytes) else self.content.size_bytes
        length = len(self._head()) + file_bytes + len(self._tail())
        return {
            "content-type": f"multipart/form-data; boundary={self.boundary}",
            "content-length": str(length),
        }

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the body once; closed early it closes the file."""
        yield self._head()
        if isinstance(self.content, bytes):
            yield self.content
        else:
            file = self.content.pieces
            try:
                async for piece in file:
                    yield piece
            finally:
                if isinstance(file, AsyncGenerator):
                    await file.aclose()
        yield self._tail()

    def _head(self) -> bytes:
        fields = "".join(
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in self.fields.items()
        )
        file = (
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="file"; filename="{self.name}"\r\n'
            f"Content-Type: {self.media_type}\r\n\r\n"
        )
        return (fields + file).encode()

    def _tail(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()
