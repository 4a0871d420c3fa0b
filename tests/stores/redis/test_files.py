"""Prove when a file is due in the server; the rest is in ``tests/contracts``."""

from __future__ import annotations

from pathlib import Path

from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.connection import connect
from sora_gateway.stores.redis.files import RedisFiles
from tests.contracts.test_file_store import FILE


async def test_a_file_is_due_when_it_expires(server_path: Path) -> None:
    """So whoever sweeps needs to read only those that are over."""
    connection = connect(f"unix://{server_path}")
    await connection.call("FLUSHALL")
    await RedisFiles(connection).put(FILE)
    score = await connection.call("ZSCORE", keys.records("files", "due"), FILE.id)
    assert float(score) == FILE.expires_at
    await connection.aclose()
