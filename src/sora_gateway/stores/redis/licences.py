"""Keep the licences, found by the hash of their key in one round trip."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Licence, as_by_old_key
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.codec import LICENCES
from sora_gateway.stores.redis.connection import Connection
from sora_gateway.stores.redis.scripting import load

_PUT = load("licence_put")
_CHANGE = load("licence_change")
_KEYS = (keys.LICENCES, keys.LICENCE_KEYS, keys.LICENCE_HASHES)
_MOST_TRIES = 200


class RedisLicences:
    """Implements ``ports.stores.LicenceStore``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def put(self, licence: Licence, key_hash: str) -> None:
        """Add or replace it; if it had another key, that one opens nothing any more."""
        await self._connection.run(_PUT, _KEYS, (licence.id, key_hash, LICENCES.encode(licence)))

    async def change(
        self, licence_id: str, decide: Callable[[Licence], Licence], *, key_hash: str | None = None
    ) -> Licence | None:
        """Apply ``decide`` by compare-and-set, repeating on conflict; None: no such licence.

        With ``key_hash`` it gets a new key; the one before opens it until ``old_key_until``.
        """
        text = await self._connection.call("HGET", keys.LICENCES, licence_id)
        for _ in range(_MOST_TRIES):
            if text is None:
                return None
            after = decide(LICENCES.decode(text))
            old = as_by_old_key(after)
            by_old_key = "" if old is None else LICENCES.encode(old)
            args = (licence_id, text, LICENCES.encode(after), by_old_key, key_hash or "")
            answer = await self._connection.run(_CHANGE, _KEYS, args)
            if answer[0] == "done":
                return after
            text = answer[1] if answer[0] == "stale" else None
        raise GatewayError(ErrorKind.STORE_UNAVAILABLE, "The licence changes too often.", retry_after_s=1.0)

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
