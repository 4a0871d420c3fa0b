"""Watchers see every change once, in order, from wherever they begin."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import cast

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import Cancelled, Progressed
from sora_gateway.domain.jobs import Job, Phase, Status
from sora_gateway.engine.hub import Hub
from sora_gateway.engine.watchers import Sight, Watchers
from sora_gateway.ports.stores import Feed, FeedEntry, JobStore, PublicEvent, Store
from tests.conftest_store import accepted, new_job, on, running
from tests.engine.conftest import true_soon


async def _collect(watchers: Watchers, job_id: str, after_seq: int | None = None) -> list[Sight]:
    async with asyncio.timeout(5), aclosing(watchers.watch(job_id, after_seq=after_seq)) as sights:
        return [sight async for sight in sights]


async def _progress(store: Store, job_id: str, *percents: int) -> None:
    for percent in percents:
        await store.jobs.change(job_id, on(Progressed(progress=percent / 100)))


async def test_live_watch_sees_every_change(store: Store, hub: Hub) -> None:
    """From the present state to the final one, numbered without holes."""
    watchers = Watchers(store.jobs, hub)
    job = new_job()
    await accepted(store, job)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_collect(watchers, job.id))
        while not len(watchers):  # noqa: ASYNC110 - until the watch stands
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        await store.jobs.change(job.id, on(Cancelled()))
    sights = task.result()
    assert [sight.seq for sight in sights] == list(range(sights[0].seq, sights[-1].seq + 1))
    assert sights[-1].job.status is Status.CANCELLED
    assert len(watchers) == 0


async def test_resume_replays_what_was_missed(store: Store, hub: Hub) -> None:
    """After event 2 come 3, 4, …: nothing twice, nothing left out, each as the job was then."""
    watchers = Watchers(store.jobs, hub)
    job = new_job()
    await running(store, job)
    await _progress(store, job.id, 10, 20, 30)
    await store.jobs.change(job.id, on(Cancelled()))
    sights = await _collect(watchers, job.id, after_seq=2)
    assert [sight.seq for sight in sights] == [3, 4, 5, 6]
    assert [sight.job.percent for sight in sights][:3] == [10, 20, 30]
    assert [sight.job.status for sight in sights] == [Status.IN_PROGRESS] * 3 + [Status.CANCELLED]
    assert not any(sight.is_snapshot for sight in sights)


async def test_resume_at_the_end_repeats_nothing(store: Store, hub: Hub) -> None:
    """Whoever has seen the final event gets no event any more."""
    watchers = Watchers(store.jobs, hub)
    job = new_job()
    await accepted(store, job)
    _, after = await store.jobs.change(job.id, on(Cancelled()))
    assert await _collect(watchers, job.id, after_seq=after.seq) == []


async def test_unknown_position_gives_a_snapshot(store: Store, hub: Hub) -> None:
    """An event id from the future is answered with the present state, marked as such."""
    watchers = Watchers(store.jobs, hub)
    job = new_job()
    await accepted(store, job)
    await store.jobs.change(job.id, on(Cancelled()))
    sights = await _collect(watchers, job.id, after_seq=99)
    assert [(sight.seq, sight.is_snapshot) for sight in sights] == [(2, True)]


async def test_lost_feed_entries_are_read_again(store: Store) -> None:
    """A watcher that did not hear of changes gets them from the store when he is told that he missed some."""
    hub = Hub(store.feed)  # not running: nothing is heard
    watchers = Watchers(store.jobs, hub)
    job = new_job()
    await running(store, job)
    sights: list[Sight] = []

    async def watch() -> None:
        async with aclosing(watchers.watch(job.id)) as seen:
            async for sight in seen:
                sights.append(sight)  # noqa: PERF401 - read while it grows

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(watch())
        while not sights:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await _progress(store, job.id, 40)
        await store.jobs.change(job.id, on(Cancelled()))
        watchers._missed()
    assert [sight.seq for sight in sights] == [2, 3, 4]


class _Answers:
    """A store of one job that answers as the test says, one after the other."""

    def __init__(self, *answers: Job | GatewayError | None) -> None:
        self._answers = list(answers)

    async def get(self, job_id: str) -> Job | None:
        """Return the next answer; the last one stays."""
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, GatewayError):
            raise answer
        return answer

    async def events_after(self, job_id: str, seq: int) -> list[PublicEvent]:
        """Return nothing: what happened is not known."""
        return []


async def _seen(store: Store, *answers: Job | GatewayError | None) -> list[tuple[int, Status, bool]]:
    """Watch such a job, be told at once that something was missed, and return what is seen to the end."""
    hub = Hub(store.feed)
    watchers = Watchers(cast("JobStore", _Answers(*answers)), hub)
    sights: list[tuple[int, Status, bool]] = []
    async with asyncio.timeout(5), aclosing(watchers.watch("job_1")) as seen:
        async for sight in seen:
            sights.append((sight.seq, sight.job.status, sight.is_snapshot))
            watchers._missed()
    return sights


async def test_a_store_that_is_away_breaks_no_stream(store: Store) -> None:
    """Whoever watches waits until it is back, and then gets what there is."""
    job = replace(new_job(), seq=2)
    end = replace(job, seq=3, phase=Phase.FAILED)
    away = GatewayError(ErrorKind.STORE_UNAVAILABLE, "away")
    assert await _seen(store, job, away, end) == [(2, Status.QUEUED, False), (3, Status.FAILED, True)]


async def test_a_store_that_went_back_is_shown(store: Store) -> None:
    """Numbers that were shown and lost begin again with a snapshot; else the end might never be seen."""
    job = replace(new_job(), seq=8)
    before, end = replace(job, seq=5), replace(job, seq=6, phase=Phase.FAILED)
    assert await _seen(store, job, before, end) == [
        (8, Status.QUEUED, False),
        (5, Status.QUEUED, True),
        (6, Status.FAILED, True),
    ]


async def test_a_job_that_is_gone_is_not_waited_for(store: Store) -> None:
    """Its acceptance was lost with the store's last writes: the stream ends."""
    job = replace(new_job(), seq=1)
    assert await _seen(store, job, None) == [(1, Status.QUEUED, False)]


class CountedFeed:
    """The store's feed, which knows how often it was read."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.reads = 0

    async def last_id(self) -> str:
        return await self._feed.last_id()

    async def verify(self, entry_id: str) -> None:
        await self._feed.verify(entry_id)

    async def read(self, after: str, *, block_s: float) -> Sequence[FeedEntry]:
        self.reads += 1
        return await self._feed.read(after, block_s=block_s)


async def test_what_is_written_in_one_go_is_read_in_few(store: Store) -> None:
    """A node that works hard does not read its own writes one by one; all are heard, in order."""
    job = new_job()
    await running(store, job)
    feed = CountedFeed(store.feed)
    hub = Hub(feed)
    heard: list[int] = []
    hub.listen(lambda entry: heard.append(entry.job.percent), lambda: None)
    await hub.start()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(hub.run())
        await _progress(store, job.id, *range(1, 61))
        await true_soon(lambda: len(heard) == 60)
        task.cancel()
    assert heard == list(range(1, 61))
    assert feed.reads <= 30
