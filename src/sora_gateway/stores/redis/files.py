"""Keep the records of uploaded files, found by id, by owner and by when they expire."""

from __future__ import annotations

from collections.abc import Sequence

from sora_gateway.domain.files import StoredFile
from sora_gateway.ports.stores import FilePage
from sora_gateway.stores.redis.codec import Codec
from sora_gateway.stores.redis.connection import Connection
from sora_gateway.stores.redis.owned import OwnedRecords


class RedisFiles:
    """Implements ``ports.stores.FileStore``."""

    def __init__(self, connection: Connection) -> None:
        self._records = OwnedRecords(connection, "files", Codec(StoredFile))

    async def put(self, file: StoredFile) -> None:
        """Add it; the same again is fine."""
        await self._records.put(file, due_at=file.expires_at)

    async def get(self, file_id: str) -> StoredFile | None:
        """Return it."""
        return await self._records.get(file_id)

    async def page(self, owner: str, *, after: str | None, limit: int, ascending: bool) -> FilePage | None:
        """Return the owner's by (creation time, id); None: ``after`` is not one of them."""
        page = await self._records.page(owner, after=after, limit=limit, ascending=ascending)
        return None if page is None else FilePage(files=page.records, has_more=page.has_more)

    async def remove(self, file_id: str) -> bool:
        """Remove it; tell whether it was there."""
        return await self._records.remove(file_id)

    async def expired(self, limit: int) -> Sequence[StoredFile]:
        """Return files past ``expires_at`` by store time."""
        return await self._records.due(limit)
