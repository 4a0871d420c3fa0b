"""Prove that a key is looked up in one command."""

from __future__ import annotations

from pathlib import Path

from sora_gateway.domain.licences import NO_BOUNDS
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.codec import LICENCES
from sora_gateway.stores.redis.connection import connect
from sora_gateway.stores.redis.licences import RedisLicences
from tests.contracts.test_licence_store import FIRST


async def test_the_record_lies_under_the_hash_of_the_key(server_path: Path) -> None:
    """So authenticating costs one read, and the key itself is nowhere."""
    connection = connect(f"unix://{server_path}")
    await connection.call("FLUSHALL")
    await RedisLicences(connection).put(FIRST, "hash")
    assert LICENCES.decode(await connection.call("HGET", keys.LICENCE_KEYS, "hash")) == FIRST
    await connection.aclose()


def test_records_of_earlier_versions_are_read() -> None:
    """What they do not say bounds nothing."""
    old = '{"id":"lic_1","name":"Ann","key_hint":"sg-...abcd","permissions":["chat"],"created_at":2.0}'
    licence = LICENCES.decode(old)
    assert (licence.groups, licence.models, licence.bounds, licence.disabled_at) == ((), (), NO_BOUNDS, None)
