"""Encrypt anew, with the first secret key, what still needs an earlier one."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.cipher import Cipher
from sora_gateway.stores.redis.connection import Connection
from sora_gateway.stores.redis.scripting import load

_SWAP = load("swap")
_ROOMS = (keys.ACCOUNTS, keys.records("webhooks", ""))
"""Hashes whose records hold secrets."""
_NAMED = ("links",)
"""Secrets of the installation."""


async def count_old(connection: Connection, cipher: Cipher) -> int:
    """Return how many records cannot be read without an earlier key, or not at all."""
    return len([0 async for _ in _old(connection, cipher)])


async def rekey(connection: Connection, cipher: Cipher) -> int:
    """Write those records anew and return how many were written; may be repeated, and beside live nodes.

    A record that changes in between is left as it is; whoever changes it writes it with his first key.

    Raises:
        GatewayError(internal): a record was written with a key that is not there.
    """
    done = 0
    async for place, name, text in _old(connection, cipher):
        after = cipher.renewed(text)
        if name is None:
            done += await connection.call("SET", place, after, "XX") is not None
        else:
            answer = await connection.run(_SWAP, (place,), (name, text, after))
            done += answer[0] == "done"
    return done


async def _old(connection: Connection, cipher: Cipher) -> AsyncIterator[tuple[str, str | None, str]]:
    """Yield key, field (None: the key is the record) and text of each."""
    for room in _ROOMS:
        for name, text in (await connection.call("HGETALL", room)).items():
            if not cipher.is_current(text):
                yield room, name, text
    for name in _NAMED:
        place = f"{keys.SECRETS}:{name}"
        held = await connection.call("GET", place)
        if held is not None and not cipher.is_current(held):
            yield place, None, held
