"""Keep the licences, found by the hash of their key in one round trip."""

from __future__ import annotations

from collections.abc import Sequence

from sora_gateway.domain.licences import Licence
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.codec import LICENCES
from sora_gateway.stores.redis.connection import Connection
from sora_gateway.stores.redis.scripting import load

_PUT = load("licence_put")


class RedisLicences:
    """Implements ``ports.stores.LicenceStore``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def put(self, licence: Licence, key_hash: str) -> None:
        """Add or replace it; if it had another key, that one opens nothing any more."""
        await self._connection.run(
            _PUT,
            (keys.LICENCES, keys.LICENCE_KEYS, keys.LICENCE_HASHES),
            (licence.id, key_hash, LICENCES.encode(licence)),
        )

    async def by_hash(self, key_hash: str) -> Licence | None:
        """Return the licence of a key."""
        return await self._read(keys.LICENCE_KEYS, key_hash)

    async def get(self, licence_id: str) -> Licence | None:
        """Return it by id."""
        return await self._read(keys.LICENCES, licence_id)

    async def all(self) -> Sequence[Licence]:
        """Return all, oldest first."""
        texts = await self._connection.call("HVALS", keys.LICENCES)
        return sorted(map(LICENCES.decode, texts), key=lambda licence: (licence.created_at, licence.id))

    async def _read(self, key: str, field: str) -> Licence | None:
        text = await self._connection.call("HGET", key, field)
        return None if text is None else LICENCES.decode(text)
