"""Prove how usernames lie in the server; the rest is in ``tests/contracts``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.characters import RedisCharacters
from sora_gateway.stores.redis.connection import connect
from tests.contracts.test_character_store import READY


async def test_usernames_are_kept_in_lower_case(server_path: Path) -> None:
    """However the backend writes them, so that prompts find them."""
    connection = connect(f"unix://{server_path}")
    await connection.call("FLUSHALL")
    await RedisCharacters(connection).put(replace(READY, username="Mochi"))
    assert await connection.call("HGETALL", keys.records("characters", "names")) == {"mochi": READY.id}
    await connection.aclose()
