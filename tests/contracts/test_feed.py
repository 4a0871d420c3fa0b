"""Prove the promises of ``ports.stores.Feed``."""

from __future__ import annotations

import asyncio

import pytest

from sora_gateway.domain.job_events import Bound, Cancelled, Progressed
from sora_gateway.ports.stores import FeedEntry, FeedRegressedError, Store
from tests.conftest_store import ACCOUNT, accepted, new_job, on, running


async def test_an_empty_feed_begins_at_zero(store: Store) -> None:
    """There is nothing to read, and reading ends in time."""
    assert await store.feed.last_id() == "0-0"
    assert await store.feed.read("0-0", block_s=0.01) == []


async def test_writes_are_heard_in_order_and_once(store: Store) -> None:
    """Reading on from the last id gives every write once, public or not."""
    job = new_job()
    await running(store, job)
    await store.jobs.change(job.id, on(Progressed(progress=0.5)))
    await store.jobs.change(job.id, on(Cancelled()))
    heard: list[FeedEntry] = []
    after = "0-0"
    while entries := await store.feed.read(after, block_s=0.01):
        heard += entries
        after = entries[-1].id
    assert [entry.job.version for entry in heard] == list(range(1, len(heard) + 1))
    assert [entry.job.phase.value for entry in heard] == [
        *("queued", "bound", "submitting", "running", "running", "cancelled")
    ]
    assert [entry.has_public_change for entry in heard] == [True, False, False, True, True, True]
    assert after == await store.feed.last_id()


async def test_a_reader_waits_for_the_next_write(store: Store) -> None:
    """It is woken by the write, long before its patience ends."""
    job = new_job()
    await accepted(store, job)
    last = await store.feed.last_id()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        reading = group.create_task(store.feed.read(last, block_s=30))
        await asyncio.sleep(0)
        await store.jobs.change(job.id, on(Bound(account_id=ACCOUNT)))
    (entry,) = reading.result()
    assert entry.job.account_id == ACCOUNT


async def test_all_readers_hear_everything(store: Store) -> None:
    """Several nodes wait at once and each hears the write; other calls go on meanwhile."""
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        readings = [group.create_task(store.feed.read("0-0", block_s=30)) for _ in range(4)]
        await asyncio.sleep(0)
        await accepted(store, new_job())
    assert len({reading.result()[0].id for reading in readings}) == 1


async def test_lost_entries_are_noticed(store: Store) -> None:
    """An entry that was there and is unknown now is a regression, even when newer ones were written since."""
    await accepted(store, new_job())
    known = await store.feed.last_id()
    await store.feed.verify(known)
    await store.feed.verify("0-0")
    milliseconds, _, number = known.partition("-")
    lost = f"{milliseconds}-{int(number) + 7}"
    await accepted(store, new_job())
    with pytest.raises(FeedRegressedError):
        await store.feed.verify(lost)
