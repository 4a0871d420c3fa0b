"""Take in reference pictures: check them and store them before the job is accepted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Blob
from sora_gateway.kit.ids import new_id
from sora_gateway.ports.media import Fetcher, MediaTools, Vault

Inline = Callable[[str, int, str], bytes | None]
"""``(text, limit_bytes, param)``: the bytes of a data URL or bare base64, None for anything else."""

Own = Callable[[str], Awaitable[Blob | None]]
"""The blob behind one of our own signed links, None for any other URL."""


class Inputs:
    """Pictures on their way in, and out again to the backend."""

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
            limit, size = self._limit_bytes / 2**20, len(data) / 2**20
            message = f"The picture in '{param}' has {size:.1f} MiB; at most {limit:.0f} MiB are allowed."
            raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
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

    async def read(self, blob: Blob) -> bytes:
        """Return a stored picture whole."""
        pieces = [piece async for piece in self._vault.read(blob.name)]
        return b"".join(pieces)
