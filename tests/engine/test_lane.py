"""A lane looks once for all its jobs and writes only what changed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from sora_gateway.domain.accounts import Account, AccountState
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import Adopted, JobEvent, Started, Submitting
from sora_gateway.domain.jobs import Phase
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.remote import (
    Listed,
    Observed,
    RemoteFailed,
    RemoteJob,
    RemoteOutput,
    RemoteRunning,
    RemoteSucceeded,
    RemoteUnknown,
)
from sora_gateway.domain.requests import Source
from sora_gateway.engine.lane import Lane
from sora_gateway.engine.tools import NodeTools
from sora_gateway.kit.clock import boottime
from sora_gateway.ports.stores import LeaseLostError, Store
from sora_gateway.ports.upstream import ListPolling
from tests.conftest_store import NOW, bound, held, new_job, on, running, submitting
from tests.engine.conftest import ACCOUNT, Clock, Scripted, asking, eventually, true_soon


async def _lane(store: Store, tools: NodeTools) -> Lane:
    return Lane(await held(store, ACCOUNT), tools, lambda: True)


async def test_statuses_become_events(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """Progress, success and failure of three tasks are read in the same looks and written to their jobs."""
    moving, done, broken = new_job(), new_job(), new_job()
    for number, job in enumerate((moving, done, broken)):
        await running(store, job, f"task_{number}", account=ACCOUNT)
    output = RemoteOutput(index=0, url="https://files/1")
    error = GatewayError(ErrorKind.CONTENT_REFUSED, "guardrails")
    upstream.statuses = {
        "task_0": RemoteRunning(progress=0.42),
        "task_1": RemoteSucceeded(outputs=(output,)),
        "task_2": RemoteFailed(error=error),
    }
    lane = await _lane(store, tools)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        first = await eventually(store, moving.id, lambda j: j.percent == 42)
        second = await eventually(store, done.id, lambda j: j.phase is Phase.COLLECTING)
        third = await eventually(store, broken.id, lambda j: j.phase is Phase.FAILED)
        version = first.version
        looks = upstream.looks
        await true_soon(lambda: upstream.looks > looks + 3)
        again = await store.jobs.get(moving.id)
        lane.stop(0)
    assert second.remote_outputs == (output,)
    assert third.error is not None
    assert third.error.message == "guardrails"
    assert again is not None
    assert again.version == version  # looking again without news writes nothing


async def test_vanished_task_is_lost_only_after_long(
    store: Store, tools: NodeTools, upstream: Scripted, clock: Clock
) -> None:
    """A task missing from complete lists is waited for: five reads, two minutes, then the job is lost."""
    job = new_job()
    await running(store, job, account=ACCOUNT)
    upstream.statuses["task_1"] = RemoteUnknown()
    lane = await _lane(store, tools)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        waiting = await eventually(store, job.id, lambda j: j.unknown_reads >= 6)
        clock.now_s += 121
        after = await eventually(store, job.id, lambda j: j.is_final)
        lane.stop(0)
    assert waiting.phase is Phase.RUNNING
    assert after.error is not None
    assert after.error.code == "lost"


async def test_the_late_result_of_a_long_task_is_waited_for(
    store: Store, tools: NodeTools, upstream: Scripted, clock: Clock
) -> None:
    """The two minutes count from when the task was first missed, however long it had been running."""
    job = new_job()
    await running(store, job, account=ACCOUNT)
    clock.now_s += 1000
    upstream.statuses["task_1"] = RemoteUnknown()
    lane = await _lane(store, tools)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        waiting = await eventually(store, job.id, lambda j: j.unknown_reads >= 8 or j.is_final)
        output = RemoteOutput(index=0, url="https://files/1")
        upstream.statuses["task_1"] = RemoteSucceeded(outputs=(output,))
        after = await eventually(store, job.id, lambda j: j.phase is not Phase.RUNNING)
        lane.stop(0)
    assert (waiting.phase, waiting.unknown_since) == (Phase.RUNNING, clock.now_s)
    assert (after.phase, after.unknown_since) == (Phase.COLLECTING, None)


async def test_lists_that_the_edge_refuses_put_the_account_aside(
    store: Store, tools: NodeTools, upstream: Scripted
) -> None:
    """For as long as was said, as after a creation: else it would be asked again every second."""
    upstream.unreadable = GatewayError(ErrorKind.UPSTREAM_BLOCKED, "the edge", retry_after_s=600)
    job = new_job()
    await bound(store, job, account=ACCOUNT)
    lane = await _lane(store, tools)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        await eventually(store, job.id, lambda j: j.phase is Phase.QUEUED)
        lane.stop(0)
    account = await store.accounts.get(ACCOUNT)
    assert account is not None
    assert (account.state, account.until) == (AccountState.COOLING, tools.now() + 600)


async def test_unreadable_lists_send_nothing(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """Before the first complete look nothing is sent: what was bound goes back to the queue."""
    upstream.unreadable = GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "down")
    job = new_job()
    await bound(store, job, account=ACCOUNT)
    lane = await _lane(store, tools)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        after = await eventually(store, job.id, lambda j: j.phase is Phase.QUEUED)
        lane.stop(0)
    assert after.not_before > tools.now()
    assert upstream.tickets == []


async def test_foreign_tasks_take_slots_and_markers_are_learned(
    store: Store, tools: NodeTools, upstream: Scripted
) -> None:
    """Unfinished tasks of others count against the account; a marker that came back is remembered."""
    job = new_job()
    await bound(store, job, account=ACCOUNT)
    lane = await _lane(store, tools)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        after = await eventually(store, job.id, lambda j: j.phase is Phase.RUNNING)
        assert after.attempt is not None
        upstream.listed = {
            "task_1": Listed(kind=MediaKind.VIDEO, is_unfinished=True, marker=after.attempt.marker),
            "task_foreign": Listed(kind=MediaKind.VIDEO, is_unfinished=True),
            "task_old": Listed(kind=MediaKind.VIDEO, is_unfinished=False),
        }
        looks = upstream.looks
        await true_soon(lambda: upstream.looks > looks + 2)
        load = (await store.lanes.load([ACCOUNT]))[ACCOUNT]
        lane.stop(0)
    assert (await store.lanes.facts(ACCOUNT)).is_marker_echoed is True
    assert load.ours.get(MediaKind.VIDEO) == 1
    assert load.foreign.get(MediaKind.VIDEO) == 1


async def test_an_extension_teaches_nothing_of_markers(
    store: Store, tools: NodeTools, upstream: Scripted
) -> None:
    """Its create call has no field for one, so its absence says nothing about the backend."""
    source = Source(job_id="video_1", account_id=ACCOUNT, result_id="gen_1", total_s=10)
    job = asking(new_job(), extend=source)
    await bound(store, job, account=ACCOUNT)
    lane = await _lane(store, tools)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        await eventually(store, job.id, lambda j: j.phase is Phase.RUNNING)
        upstream.listed = {"task_1": Listed(kind=MediaKind.VIDEO, is_unfinished=True)}
        looks = upstream.looks
        await true_soon(lambda: upstream.looks > looks + 2)
        lane.stop(0)
    assert (await store.lanes.facts(ACCOUNT)).is_marker_echoed is None


async def test_idle_lane_ends(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """A lane without work costs the backend nothing and ends by itself."""
    job = new_job()
    await bound(store, job, account=ACCOUNT)
    await store.jobs.change(job.id, on(submitting("t")))
    lane = await _lane(store, tools)
    upstream.listed = {"task_1": Listed(kind=MediaKind.VIDEO, is_unfinished=True, marker="m")}
    upstream.statuses["task_1"] = RemoteFailed(error=GatewayError(ErrorKind.GENERATION_FAILED, "no"))
    async with asyncio.timeout(10):
        await lane.run()
    after = await store.jobs.get(job.id)
    assert after is not None
    assert after.phase is Phase.FAILED


async def test_a_removed_account_takes_its_jobs_along(store: Store, tools: NodeTools) -> None:
    """What ran there fails; what was not sent goes to another account."""
    tools = replace(tools, config=replace(tools.config, account_gone_s=0.0))
    at_work, waiting = new_job(), new_job()
    await running(store, at_work, account=ACCOUNT)
    await bound(store, waiting, account=ACCOUNT)
    lane = await _lane(store, tools)
    await store.accounts.remove(ACCOUNT)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        lost = await eventually(store, at_work.id, lambda j: j.is_final)
        await eventually(store, waiting.id, lambda j: j.phase is Phase.QUEUED)
        lane.stop(0)
    assert lost.error is not None
    assert lost.error.code == "no_account"


class _Silent(Scripted):
    """Its lists never come."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    async def observe(
        self, jobs: Sequence[RemoteJob], account: Account, kinds: frozenset[MediaKind]
    ) -> Observed:
        self.asked.set()
        await asyncio.Event().wait()
        return await super().observe(jobs, account, kinds)


async def test_a_look_does_not_hold_up_the_end(store: Store, tools: NodeTools) -> None:
    """A lane that is to end breaks off what only reads, and blames nobody for it."""
    await running(store, new_job(), "task_0", account=ACCOUNT)
    silent = _Silent()
    lane = await _lane(store, replace(tools, upstreams={silent.name: silent}))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        await silent.asked.wait()
        lane.stop(0)
    account = await store.accounts.get(ACCOUNT)
    assert account is not None
    assert (account.state, account.reason) == (AccountState.READY, None)


class _Watchful(Scripted):
    """A backend that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_for: list[RemoteJob] = []

    async def observe(
        self, jobs: Sequence[RemoteJob], account: Account, kinds: frozenset[MediaKind]
    ) -> Observed:
        self.asked_for.extend(jobs)
        return await super().observe(jobs, account, kinds)


_FOUND = (submitting("t"), Started(ticket="t", remote_id="task_1"))
_ADOPTED = (Adopted(account_id=ACCOUNT, ticket="t", marker="m", remote_id="task_1"),)


@pytest.mark.parametrize(("events", "oldest"), [(_FOUND, NOW), (_ADOPTED, NOW - 500)])
async def test_a_task_is_as_old_as_its_send(
    store: Store, tools: NodeTools, events: tuple[JobEvent, ...], oldest: float
) -> None:
    """Lists are read back to there, not to when it was found; an adopted one may be as old as its job."""
    job = new_job(created_at=NOW - 500)
    await bound(store, job, account=ACCOUNT)
    for event in events:
        now_s = NOW if isinstance(event, Submitting) else NOW + 300
        await store.jobs.change(job.id, on(event, now_s=now_s))
    backend = _Watchful()
    lane = await _lane(store, replace(tools, upstreams={backend.name: backend}))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        await true_soon(lambda: backend.asked_for)
        lane.stop(0)
    assert backend.asked_for[0].started_at == oldest


async def test_all_changes_of_a_look_are_written(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """More than are written at the same time."""
    jobs = [new_job() for _ in range(80)]
    for number, job in enumerate(jobs):
        await running(store, job, f"task_{number}", account=ACCOUNT)
        upstream.statuses[f"task_{number}"] = RemoteRunning(progress=(number + 1) / 100)
    lane = await _lane(store, tools)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        for number, job in enumerate(jobs):
            await eventually(store, job.id, lambda j, number=number: j.percent == number + 1)
        lane.stop(0)


async def test_a_lane_that_was_taken_over_ends_with_that(
    store: Store, tools: NodeTools, upstream: Scripted
) -> None:
    """Whoever runs it is told by the error itself, though several writes were refused at the same time."""
    jobs = [new_job() for _ in range(3)]
    for number, job in enumerate(jobs):
        await running(store, job, f"task_{number}", account=ACCOUNT)
        upstream.statuses[f"task_{number}"] = RemoteUnknown()
    lane = await _lane(store, tools)

    async def ended() -> bool:
        try:
            await lane.run()
        except LeaseLostError:
            return True
        return False

    async with asyncio.TaskGroup() as group:
        task = group.create_task(ended())
        await eventually(store, jobs[-1].id, lambda j: j.unknown_reads >= 1)
        await store.lanes.release(lane.lease)
        await asyncio.wait([task], timeout=5)
        lane.stop(0)
    assert task.result()


async def test_the_lists_are_read_once_an_interval(
    store: Store, tools: NodeTools, upstream: Scripted
) -> None:
    """However often the lane is woken."""
    upstream.polling = ListPolling(fast_s=0.2, slow_s=0.2)
    await running(store, new_job(), account=ACCOUNT)
    lane = await _lane(store, tools)
    began = boottime()
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        async with asyncio.timeout(10):
            while upstream.looks < 4:
                lane.missed()
                await asyncio.sleep(0.005)
        took_s = boottime() - began
        lane.stop(0)
    assert took_s >= 3 * (0.2 - 0.05)
