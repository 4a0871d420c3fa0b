"""Prove what only this store knows: how requests are forgotten, and how long numbers are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from sora_gateway.domain.jobs import Reservation
from sora_gateway.ports.stores import Store
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.connection import Connection, connect
from tests.conftest_store import accepted, new_job

LIMIT = 3


@pytest.fixture
async def admin(server_path: Path) -> AsyncIterator[Connection]:
    """A way to the server that does not go through the store."""
    connection = connect(f"unix://{server_path}")
    yield connection
    await connection.aclose()


async def made(admin: Connection, *seconds_ago: int) -> None:
    """Write down requests that were made so long ago, oldest first."""
    seconds, _ = await admin.call("TIME")
    times = [(int(seconds) - ago_s) * 1_000_000 for ago_s in seconds_ago]
    await admin.call("LPUSH", keys.pace("lic_a"), *times)


async def test_requests_are_forgotten_after_a_minute(store: Store, admin: Connection) -> None:
    """Those of more than a minute ago make room; the next room comes with the oldest that is left."""
    await made(admin, 70, 61, 30)
    taken = [await store.usage.take_request("lic_a", LIMIT) for _ in range(3)]
    assert [(pace.is_allowed, pace.remaining) for pace in taken] == [(True, 1), (True, 0), (False, 0)]
    assert 25 < taken[-1].retry_after_s <= 30 < taken[-1].reset_s <= 60
    assert 0 < await admin.call("PTTL", keys.pace("lic_a")) <= 60_000


async def test_a_clock_that_was_set_back_locks_nobody_out(store: Store, admin: Connection) -> None:
    """Requests of the future are forgotten at once."""
    await made(admin, -300, -300, -300)
    assert (await store.usage.take_request("lic_a", LIMIT)).remaining == LIMIT - 1


async def test_a_full_server_locks_nobody_out(store: Store, admin: Connection) -> None:
    """Requests that it cannot note are let through: readings go on."""
    await store.usage.take_request("lic_a", LIMIT)
    await admin.call("CONFIG SET", "maxmemory", 1)
    try:
        taken = [await store.usage.take_request("lic_a", LIMIT) for _ in range(5)]
        fresh = await store.usage.take_request("lic_b", LIMIT)
    finally:
        await admin.call("CONFIG SET", "maxmemory", 0)
    assert [(pace.is_allowed, pace.remaining) for pace in taken] == [(True, 2)] * 5
    assert fresh.is_allowed


async def test_numbers_are_kept_400_days(store: Store, admin: Connection) -> None:
    """Of the day and of the month."""
    reserved = Reservation(units=2, day="2026-11-22", month="2026-11")
    await accepted(store, replace(new_job(owner="lic_a"), reservation=reserved))
    for period in (reserved.day, reserved.month):
        assert 0 <= keys.USAGE_S - await admin.call("TTL", keys.usage("lic_a", period)) < 60
