"""Prove what the lists of an owner keep in the server, and that writes may be repeated."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sora_gateway.domain.characters import Character
from sora_gateway.stores.redis.codec import Codec
from sora_gateway.stores.redis.connection import Connection, connect
from sora_gateway.stores.redis.owned import OwnedRecords
from tests.contracts.test_character_store import READY


@pytest.fixture
async def connection(server_path: Path) -> AsyncIterator[Connection]:
    """An empty server."""
    connection = connect(f"unix://{server_path}")
    await connection.call("FLUSHALL")
    yield connection
    await connection.aclose()


async def test_nothing_is_left_of_a_removed_record(connection: Connection) -> None:
    """Neither its name nor its places in lists."""
    records: OwnedRecords[Character] = OwnedRecords(connection, "things", Codec(Character))
    for _ in range(2):
        await records.put(READY, name="mochi", due_at=0.0)
    assert await records.due(10) == [READY]
    assert await records.remove(READY.id)
    assert await connection.call("KEYS", "*") == []


async def test_a_record_without_its_time_is_never_due(connection: Connection) -> None:
    """Replacing it without one takes it away."""
    records: OwnedRecords[Character] = OwnedRecords(connection, "things", Codec(Character))
    await records.put(READY, due_at=0.0)
    await records.put(READY)
    assert await records.due(10) == []


async def test_rooms_do_not_meet(connection: Connection) -> None:
    """The same id in another room is another record."""
    here, there = (OwnedRecords(connection, room, Codec(Character)) for room in ("here", "there"))
    await here.put(READY, name="mochi")
    assert await there.get(READY.id) is None
    assert await there.named(["mochi"]) == {}
    assert await there.remove(READY.id) is False
    page = await there.page(READY.owner, after=None, limit=1, ascending=True)
    assert page is not None
    assert page.records == ()
