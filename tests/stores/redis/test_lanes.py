"""Prove what the contract cannot see: clocks that jump, memories that end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sora_gateway.ports.stores import Store
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.connection import Connection, connect
from tests.conftest_store import ACCOUNT, bound, held, new_job

FAR = 4_000_000_000.0


@pytest.fixture
async def admin(server_path: Path) -> AsyncIterator[Connection]:
    """A way to the server that does not go through the store."""
    connection = connect(f"unix://{server_path}")
    yield connection
    await connection.aclose()


async def test_a_lease_from_a_clock_that_jumped_back_is_over(store: Store, admin: Connection) -> None:
    """A due time farther ahead than the longest lease counts as due now."""
    await bound(store, new_job())
    old = await held(store)
    await admin.call("ZADD", keys.LANES, FAR, ACCOUNT)
    (new,) = await store.lanes.claim("b", 1, 30)
    assert await store.lanes.renew([old, new], 30) == [old]


async def test_a_long_lease_is_no_jump(store: Store) -> None:
    """Whoever asks for more than a minute gets it."""
    await bound(store, new_job())
    assert len(await store.lanes.claim("a", 1, 600)) == 1
    assert await store.lanes.claim("b", 1, 600) == []


async def test_tokens_are_counter_and_random(store: Store, admin: Connection) -> None:
    """Both parts: a counter that starts again after a loss of data cannot make an old token current."""
    await bound(store, new_job())
    lease = await held(store)
    counter, _, rest = lease.token.partition(":")
    assert (counter, len(rest)) == ("1", 16)
    assert await admin.call("HGET", keys.HOLDERS, ACCOUNT) == "node"


async def test_first_sights_end_after_48_hours(store: Store, admin: Connection) -> None:
    """Each by its own age, and the memory as a whole when nobody looks any more."""
    await bound(store, new_job())
    lease = await held(store)
    await store.lanes.note_listed(lease, ["new"], {}, None)
    observed_at = (await store.lanes.facts(ACCOUNT)).last_observed_at
    assert observed_at is not None
    await admin.call("ZADD", keys.seen(ACCOUNT), observed_at - keys.SEEN_S - 1, "old")
    await store.lanes.note_listed(lease, [], {}, None)
    assert await admin.call("ZRANGE", keys.seen(ACCOUNT), 0, -1) == ["new"]
    assert 0 < await admin.call("TTL", keys.seen(ACCOUNT)) <= keys.SEEN_S
    assert 0 < await admin.call("TTL", keys.lane_facts(ACCOUNT)) <= keys.LANE_FACTS_S


async def test_orphans_are_listed_for_people(store: Store, admin: Connection) -> None:
    """With the job and the ticket that they were made for, for thirty days."""
    await store.lanes.orphan(ACCOUNT, "task_1", "job_1", "t1")
    orphans = await admin.call("HGETALL", keys.orphans(ACCOUNT))
    assert orphans == {"task_1": '{"job_id":"job_1","ticket":"t1"}'}
    assert 0 < await admin.call("TTL", keys.orphans(ACCOUNT)) <= keys.ORPHANS_S
