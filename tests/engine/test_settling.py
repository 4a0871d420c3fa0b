"""Lost submissions are adopted on proof, repeated on proof, and otherwise left alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from sora_gateway.domain.job_events import BecameAmbiguous, Cancelled
from sora_gateway.domain.jobs import Job, Phase
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.remote import Found, Listed, NotSeen, RemoteUnknown, Unclear
from sora_gateway.engine.lane import Lane
from sora_gateway.engine.tools import NodeTools
from sora_gateway.ports.stores import Store
from tests.conftest_store import NOW, bound, held, new_job, on, running, submitting
from tests.engine.conftest import ACCOUNT, Clock, Scripted, eventually, true_soon


async def _ambiguous(store: Store, ticket: str = "t1", counts_from: float = NOW) -> Job:
    job = new_job()
    await bound(store, job, account=ACCOUNT)
    event = BecameAmbiguous(ticket=ticket, reason="no answer", counts_from=counts_from)
    _, after = await store.jobs.change(job.id, on(submitting(ticket), event))
    return after


async def _working(store: Store, tools: NodeTools) -> Lane:
    return Lane(await held(store, ACCOUNT), tools, lambda: True)


async def test_marked_task_is_adopted(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """A task that carries the attempt's marker is the job's, whatever else is listed."""
    job = await _ambiguous(store)
    upstream.listed = {
        "task_twin": Listed(kind=MediaKind.VIDEO, is_unfinished=True),
        "task_ours": Listed(kind=MediaKind.VIDEO, is_unfinished=True, marker="m"),
    }
    lane = await _working(store, tools)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        after = await eventually(store, job.id, lambda j: j.phase is Phase.RUNNING)
        lane.stop(0)
    assert after.bound_id == "task_ours"
    assert not upstream.sought


async def test_absent_task_is_sent_again_only_after_enough_reads(
    store: Store, tools: NodeTools, upstream: Scripted, clock: Clock
) -> None:
    """Two complete reads over ten seconds: before that nothing is decided, after that it is queued anew."""
    job = await _ambiguous(store)
    upstream.finding = NotSeen()
    lane = await _working(store, tools)
    lane._settler._look_again = lambda attempt, upstream: None  # type: ignore[method-assign]
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        early = await eventually(
            store, job.id, lambda j: j.attempt is not None and j.attempt.absent_reads >= 3
        )
        clock.now_s += 11
        after = await eventually(store, job.id, lambda j: j.phase is Phase.QUEUED)
        lane.stop(0)
    assert early.phase is Phase.AMBIGUOUS
    assert after.attempt is None
    assert not upstream.tickets


async def test_found_task_is_adopted(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """What the backend proves to be ours is bound."""
    job = await _ambiguous(store)
    upstream.finding = Found(remote_id="task_9")
    lane = await _working(store, tools)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        after = await eventually(store, job.id, lambda j: j.phase is Phase.RUNNING)
        lane.stop(0)
    assert after.bound_id == "task_9"


async def test_taken_task_is_never_bound_twice(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """A task of another job is not taken, even when the backend points at it; it is excluded afterwards."""
    other = new_job()
    await running(store, other, "task_9", account=ACCOUNT)
    job = await _ambiguous(store)
    upstream.finding = Found(remote_id="task_9")
    lane = await _working(store, tools)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        await true_soon(lambda: any("task_9" in sent.known for sent in upstream.sought))
        lane.stop(0)
    after = await store.jobs.get(job.id)
    assert after is not None
    assert after.phase is Phase.AMBIGUOUS
    assert after.bound_id is None


async def test_unclear_is_not_decided(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """In doubt nothing is bound and nothing is sent; the deadline ends it."""
    job = await _ambiguous(store)
    upstream.finding = Unclear(reason="two alike")
    lane = await _working(store, tools)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        await true_soon(lambda: upstream.sought)
        lane.stop(0)
    after = await store.jobs.get(job.id)
    assert after is not None
    assert after.phase is Phase.AMBIGUOUS
    assert not upstream.tickets


async def test_vanished_sender_is_given_its_time(
    store: Store, tools: NodeTools, upstream: Scripted, clock: Clock
) -> None:
    """A dead sender's submission is ambiguous after ``send_by``; absence counts when no answer can come."""
    job = new_job()
    await bound(store, job, account=ACCOUNT)
    await store.jobs.change(job.id, on(submitting("t1")))
    lane = await _working(store, tools)
    lane._settler._look_again = lambda attempt, upstream: None  # type: ignore[method-assign]
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        await true_soon(lambda: upstream.looks >= 3)
        still = await store.jobs.get(job.id)
        clock.now_s = NOW + 4
        ambiguous = await eventually(store, job.id, lambda j: j.phase is Phase.AMBIGUOUS)
        await true_soon(lambda: len(upstream.sought) >= 3)
        uncounted = await store.jobs.get(job.id)
        clock.now_s = NOW + 64
        counted = await eventually(
            store, job.id, lambda j: j.attempt is not None and j.attempt.absent_reads > 0
        )
        lane.stop(0)
    assert still is not None
    assert still.phase is Phase.SUBMITTING
    assert ambiguous.attempt is not None
    assert ambiguous.attempt.counts_from == NOW + 3 + 60
    assert uncounted is not None
    assert uncounted.attempt is not None
    assert uncounted.attempt.absent_reads == 0
    assert counted.phase is Phase.AMBIGUOUS


async def test_cancelled_submission_is_seen_out(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """The caller's state is final at once; the lane looks on until the task was found and has left."""
    job = await _ambiguous(store)
    await store.jobs.change(job.id, on(Cancelled()))
    upstream.listed = {"task_1": Listed(kind=MediaKind.VIDEO, is_unfinished=True, marker="m")}
    lane = await _working(store, tools)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        owed = await eventually(store, job.id, lambda j: j.obligation is not None and j.obligation.remote_id)
        upstream.statuses["task_1"] = RemoteUnknown()
        after = await eventually(store, job.id, lambda j: j.obligation is None)
        lane.stop(0)
    assert owed.phase is Phase.CANCELLED
    assert after.phase is Phase.CANCELLED


async def test_an_adopted_task_is_counted(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """A creation whose answer was lost takes from the quota like any other, once."""
    await store.accounts.change(ACCOUNT, lambda account: replace(account, videos_remaining=5))
    job = await _ambiguous(store)
    upstream.finding = Found(remote_id="task_9")
    lane = await _working(store, tools)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        await eventually(store, job.id, lambda j: j.phase is Phase.RUNNING)
        looks = upstream.looks
        await true_soon(lambda: upstream.looks > looks + 2)
        lane.stop(0)
    account = await store.accounts.get(ACCOUNT)
    assert account is not None
    assert account.videos_remaining == 4
