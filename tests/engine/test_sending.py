"""What came of a create call is written down as it is, and nothing is sent that is not written ahead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sora_gateway.domain.accounts import AccountState
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import Bound, Cancelled, Returned
from sora_gateway.domain.jobs import Job, Phase
from sora_gateway.domain.remote import Accepted, Ambiguous, NotSent, Refused, Submission, Ticket
from sora_gateway.engine.lane import Lane
from sora_gateway.engine.tools import NodeTools
from sora_gateway.kit.clock import boottime
from sora_gateway.ports.stores import JobStore, Lease, LeaseLostError, Store
from tests.conftest_store import accepted, bound, held, new_job, on, wait_until
from tests.engine.conftest import ACCOUNT, Scripted, asking, eventually, true_soon


async def _sent(
    store: Store, tools: NodeTools, upstream: Scripted, phase: Phase, job: Job | None = None
) -> Job:
    """Bind one job, let its lane work until the job is in ``phase`` again, and return it."""
    job = job or new_job()
    await bound(store, job, account=ACCOUNT)
    lane = Lane(await held(store, ACCOUNT), tools, lambda: True)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        after = await eventually(store, job.id, lambda j: j.phase is phase and len(j.steps) > 1)
        lane.stop(0)
    return after


async def test_accepted(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """The answer's id is the job's task; the ticket carried its marker and a deadline of three seconds."""
    began = boottime()
    job = await _sent(store, tools, upstream, Phase.RUNNING)
    assert job.bound_id == "task_1"
    assert [step.name for step in job.steps] == ["bound", "submitting", "started"]
    (ticket,) = upstream.tickets
    assert job.id in ticket.marker
    assert began < ticket.send_before < boottime() + 3


@pytest.mark.parametrize(
    ("outcome", "phase", "state"),
    [
        (
            NotSent(error=GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "down")),
            Phase.QUEUED,
            AccountState.READY,
        ),
        (
            Refused(error=GatewayError(ErrorKind.ACCOUNT_BUSY, "three run")),
            Phase.QUEUED,
            AccountState.COOLING,
        ),
        (Refused(error=GatewayError(ErrorKind.CONTENT_REFUSED, "no")), Phase.FAILED, AccountState.READY),
        (
            Refused(error=GatewayError(ErrorKind.UPSTREAM_OVERLOADED, "load")),
            Phase.QUEUED,
            AccountState.READY,
        ),
        (
            Ambiguous(error=GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "cut")),
            Phase.AMBIGUOUS,
            AccountState.READY,
        ),
    ],
)
async def test_outcomes(
    store: Store, tools: NodeTools, upstream: Scripted, outcome: Submission, phase: Phase, state: AccountState
) -> None:
    """Only what was not sent or refused goes back to the queue; doubt stays; the account gets its part."""
    upstream.outcome = outcome
    job = await _sent(store, tools, upstream, phase)
    account = await store.accounts.get(ACCOUNT)
    assert account is not None
    assert account.state is state
    assert (job.account_id is None) == (phase is Phase.QUEUED)
    assert len(upstream.tickets) == 1
    if phase is Phase.QUEUED:
        assert job.not_before > tools.now()
    if phase is Phase.FAILED:
        assert job.error is not None
        assert job.error.kind is ErrorKind.CONTENT_REFUSED
        assert job.obligation is None


async def test_upload_failure_sends_nothing(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """A refused picture ends the job before anything is created."""
    upstream.prepare_error = GatewayError(ErrorKind.CONTENT_REFUSED, "a face")
    job = await _sent(store, tools, upstream, Phase.FAILED)
    assert job.attempt is None
    assert upstream.tickets == []


async def test_stopped_sender_leaves_doubt(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """A create call that is cut off by the node's end is ambiguous at once."""

    async def hang(ticket: Ticket) -> Submission:
        await asyncio.Event().wait()
        raise AssertionError

    upstream.outcome = hang
    job = new_job()
    await bound(store, job, account=ACCOUNT)
    lane = Lane(await held(store, ACCOUNT), tools, lambda: True)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        await true_soon(lambda: upstream.tickets)
        lane.stop(0.01)
    after = await store.jobs.get(job.id)
    assert after is not None
    assert after.phase is Phase.AMBIGUOUS


class Unsure:
    """Jobs whose store does not confirm that a job is about to be sent, the first time."""

    def __init__(self, jobs: JobStore, *, is_written: bool) -> None:
        self._jobs = jobs
        self._is_written = is_written
        self._is_asked = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._jobs, name)

    async def change(
        self, job_id: str, decide: Callable[[Job], Job], *, lease: Lease | None = None
    ) -> tuple[Job, Job]:
        """Apply it, or not, and say that nobody knows."""
        current = await self._jobs.get(job_id)
        assert current is not None
        if self._is_asked or decide(current).phase is not Phase.SUBMITTING:
            return await self._jobs.change(job_id, decide, lease=lease)
        self._is_asked = True
        if self._is_written:
            await self._jobs.change(job_id, decide, lease=lease)
        raise GatewayError(ErrorKind.STORE_UNAVAILABLE, "Nobody knows.")


@pytest.mark.parametrize("is_written", [True, False])
async def test_what_could_not_be_written_ahead_is_not_sent(
    store: Store, tools: NodeTools, upstream: Scripted, is_written: bool
) -> None:
    """It goes back, or stays as it was, and is sent later: there is no lost task to be looked for."""
    jobs: Any = Unsure(store.jobs, is_written=is_written)
    unsure = replace(tools, jobs=jobs)
    job = new_job()
    await bound(store, job, account=ACCOUNT)
    lane = Lane(await held(store, ACCOUNT), unsure, lambda: True)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        phase = Phase.QUEUED if is_written else Phase.RUNNING
        after = await eventually(store, job.id, lambda j: j.phase is phase)
        lane.stop(0)
    assert len(upstream.tickets) == (0 if is_written else 1)
    assert after.attempt is None or not is_written


async def test_nothing_starts_near_the_end_of_a_lease(
    store: Store, tools: NodeTools, upstream: Scripted
) -> None:
    """A node whose own clock says that the lease may be over sends nothing."""
    job = new_job()
    await bound(store, job, account=ACCOUNT)
    lane = Lane(await held(store, ACCOUNT), tools, lambda: False)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        await true_soon(lambda: upstream.looks >= 1)
        await asyncio.sleep(0.05)  # time in which it could have sent
        lane.stop(0)
    assert upstream.tickets == []


async def test_a_lost_lease_is_told_as_what_it_is(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """A lane that another node took over ends with that very error, not with a group like a fault's."""
    await bound(store, new_job(), account=ACCOUNT)
    lease = await held(store, ACCOUNT)
    await store.lanes.release(lease)
    await held(store, ACCOUNT)
    with pytest.raises(LeaseLostError):
        await Lane(lease, tools, lambda: True).run()


async def test_late_answer_for_a_cancelled_job(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """The caller cancels while the call is under way: the task is remembered as owed, not bound anew."""
    answer = asyncio.Event()

    async def slow(ticket: Ticket) -> Submission:
        await answer.wait()
        return Accepted(remote_id="task_7")

    upstream.outcome = slow
    job = new_job()
    await bound(store, job, account=ACCOUNT)
    lane = Lane(await held(store, ACCOUNT), tools, lambda: True)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        await true_soon(lambda: upstream.tickets)
        await store.jobs.change(job.id, on(Cancelled()))
        answer.set()
        after = await eventually(store, job.id, lambda j: j.obligation is not None and j.obligation.remote_id)
        lane.stop(0)
    assert after.phase is Phase.CANCELLED
    assert after.bound_id == "task_7"


async def test_equal_requests_leave_one_after_the_other(
    store: Store, tools: NodeTools, upstream: Scripted
) -> None:
    """While one is not settled, its twin waits; then it goes."""
    answer = asyncio.Event()

    async def slow_first(ticket: Ticket) -> Submission:
        if len(upstream.tickets) == 1:
            await answer.wait()
        return Accepted(remote_id=f"task_{len(upstream.tickets)}_{ticket.id}")

    upstream.outcome = slow_first
    jobs = [asking(new_job(), prompt="the same") for _ in range(2)]
    await bound(store, *jobs, account=ACCOUNT)
    lane = Lane(await held(store, ACCOUNT), tools, lambda: True)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        await true_soon(lambda: upstream.looks >= 2)
        alone = len(upstream.tickets)
        answer.set()
        for job in jobs:
            await eventually(store, job.id, lambda j: j.phase is Phase.RUNNING)
        lane.stop(0)
    assert alone == 1
    assert len(upstream.tickets) == 2


@pytest.mark.parametrize(
    ("check_error", "state"),
    [
        (None, AccountState.COOLING),
        (GatewayError(ErrorKind.UPSTREAM_OVERLOADED, "load"), AccountState.COOLING),
        (GatewayError(ErrorKind.ACCOUNT_AUTH, "revoked"), AccountState.AUTH_FAILED),
    ],
)
async def test_a_single_401_does_not_end_an_account(
    store: Store, tools: NodeTools, upstream: Scripted, check_error: GatewayError | None, state: AccountState
) -> None:
    """Only a credential that is refused a second time, when it is tried on its own, is given up."""
    upstream.outcome = Refused(error=GatewayError(ErrorKind.ACCOUNT_AUTH, "401"))
    upstream.check_error = check_error
    await _sent(store, tools, upstream, Phase.QUEUED)
    account = await store.accounts.get(ACCOUNT)
    assert account is not None
    assert account.state is state


async def test_creations_are_counted_between_the_backends_answers(
    store: Store, tools: NodeTools, upstream: Scripted
) -> None:
    """An answer without a number leaves one video less than there was."""
    await store.accounts.change(ACCOUNT, lambda account: replace(account, videos_remaining=5))
    await _sent(store, tools, upstream, Phase.RUNNING)

    async def counted() -> bool:
        account = await store.accounts.get(ACCOUNT)
        return account is not None and account.videos_remaining == 4

    await wait_until(counted)


async def test_each_reason_is_counted_apart(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """A job that waited long for busy accounts does not fail at the first refusal of another kind."""
    job = new_job()
    busy = Returned(ticket=None, reason="busy", kind=ErrorKind.ACCOUNT_BUSY)
    await accepted(store, job)
    await store.jobs.change(job.id, on(*(Bound(account_id=ACCOUNT), busy) * 5))
    assert await store.jobs.bind(job.id, on(Bound(account_id=ACCOUNT)), ACCOUNT, 3)
    upstream.outcome = Refused(error=GatewayError(ErrorKind.UPSTREAM_BLOCKED, "the guard"))
    lane = Lane(await held(store, ACCOUNT), tools, lambda: True)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        after = await eventually(store, job.id, lambda j: j.phase in (Phase.QUEUED, Phase.FAILED))
        lane.stop(0)
    assert after.phase is Phase.QUEUED
    assert (after.tries, after.failures) == (6, {ErrorKind.ACCOUNT_BUSY: 5, ErrorKind.UPSTREAM_BLOCKED: 1})
