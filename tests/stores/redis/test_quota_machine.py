"""Quotas of several licences on the real store: what is counted equals what the jobs came to, always."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run

from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.job_events import (
    Bound,
    Cancelled,
    Completed,
    Deleted,
    Failed,
    JobEvent,
    Released,
    Returned,
    Started,
    Succeeded,
)
from sora_gateway.domain.jobs import Job, JobError, Phase, Reservation
from sora_gateway.domain.licences import Bounds
from sora_gateway.domain.remote import RemoteOutput
from sora_gateway.ports.stores import Idempotency, IdempotencyConflictError, Replayed
from sora_gateway.ports.usage import BoundReachedError
from tests.conftest_store import NOW, new_job, new_output, on, submitting
from tests.fuzzing import tries
from tests.stores.redis.stores import Stores

DAYS = ("2026-11-29", "2026-11-30", "2026-12-01")
MONTHS = ("2026-11", "2026-12")
OWNERS = {
    "lic_day": Bounds(daily_units=5),
    "lic_month": Bounds(daily_units=8, monthly_units=9),
    "lic_few": Bounds(concurrent_jobs=3, queued_jobs=2),
}
LOST = JobError(kind=ErrorKind.LOST, message="m", code="lost")

nodes = st.integers(0, 1)
owners = st.sampled_from(sorted(OWNERS))
days = st.sampled_from(DAYS)
places = st.integers(0, 5)
"""Which of the jobs or calls there were, counted from the last."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One acceptance: it may be repeated."""

    jobs: tuple[Job, ...]
    idempotency: Idempotency | None


class QuotaMachine(RuleBasedStateMachine):
    """Two nodes take jobs in and end them while answers get lost.

    ``jobs`` says of each accepted job what it must have come to. It is told by what happened to the job, not
    by its reservation.
    """

    def __init__(self, stores: Stores) -> None:
        super().__init__()
        self.stores = stores
        stores.clear()
        self.jobs: dict[str, Job] = {}
        self.calls: list[Call] = []
        self.count = 0

    # --- what the jobs came to

    @staticmethod
    def cost(job: Job) -> int:
        """Return what a job must be charged: all while it lives, nothing if nothing came of it."""
        assert job.reservation is not None
        names = [step.name for step in job.steps]
        was_taken = (
            "started" in names and names.index("started") < names.index("cancelled")
            if (job.phase is Phase.CANCELLED)
            else job.phase is not Phase.FAILED
        )
        return job.reservation.units if was_taken else 0

    def spent(self, owner: str, period: str) -> int:
        mine = [job for job in self.jobs.values() if job.owner == owner and job.reservation is not None]
        return sum(
            self.cost(job) for job in mine if job.reservation and job.reservation.day.startswith(period)
        )

    def fits(self, jobs: tuple[Job, ...]) -> bool:
        """Tell whether the owner has room for all."""
        owner, reserved = jobs[0].owner, jobs[0].reservation
        assert reserved is not None
        bounds, units = OWNERS[owner], sum(job.reservation.units for job in jobs if job.reservation)
        live = [job for job in self.jobs.values() if job.owner == owner and not job.is_final]
        waiting = [job for job in live if job.phase is Phase.QUEUED]
        used = (
            (bounds.daily_units, self.spent(owner, reserved.day), units),
            (bounds.monthly_units, self.spent(owner, reserved.month), units),
            (bounds.concurrent_jobs, len(live), len(jobs)),
            (bounds.queued_jobs, len(waiting), len(jobs)),
        )
        return all(most is None or not more or there + more <= most for most, there, more in used)

    # --- taking in

    def fresh(self, owner: str, day: str, units: list[int], key: str | None) -> Call:
        jobs = []
        for part in units:
            self.count += 1
            reserved = Reservation(units=part, day=day, month=day[:7])
            jobs.append(replace(new_job(f"job_{self.count:04d}", owner=owner), reservation=reserved))
        promise = None if key is None else Idempotency(scope=owner, key=key, digest=f"{units}")
        return Call(jobs=tuple(jobs), idempotency=promise)

    async def take(self, node: int, call: Call) -> tuple[Job, ...] | Replayed | Exception:
        bounds = OWNERS[call.jobs[0].owner]
        jobs = self.stores.nodes[node].jobs
        try:
            return await jobs.accept(
                call.jobs, cost=1, queue_limit=1000, idempotency=call.idempotency, bounds=bounds
            )
        except (BoundReachedError, IdempotencyConflictError) as error:
            return error

    def taken(self, call: Call) -> None:
        self.calls.append(call)
        self.jobs |= {job.id: job for job in call.jobs}

    @rule(
        node=nodes,
        owner=owners,
        day=days,
        units=st.lists(st.integers(0, 4), min_size=1, max_size=3),
        key=st.none() | st.sampled_from(["a", "b"]),
    )
    def accept(self, node: int, owner: str, day: str, units: list[int], key: str | None) -> None:
        """All or none, and never over a limit; a key that was used gives the jobs of then."""
        call = self.fresh(owner, day, units, key)
        promise = call.idempotency
        earlier = next(
            (
                it
                for it in self.calls
                if promise and it.idempotency and (it.jobs[0].owner, it.idempotency.key) == (owner, key)
            ),
            None,
        )
        answer = self.stores.do(self.take(node, call))
        if earlier is not None and earlier.idempotency != promise:
            assert isinstance(answer, IdempotencyConflictError)
        elif earlier is not None:
            assert isinstance(answer, Replayed)
            assert [job.id for job in answer.jobs] == [job.id for job in earlier.jobs]
        elif self.fits(call.jobs):
            assert not isinstance(answer, Exception | Replayed)
            self.taken(call)
        else:
            assert isinstance(answer, BoundReachedError)

    @rule(node=nodes, place=places)
    def repeat_accept(self, node: int, place: int) -> None:
        """The same ids again take nothing, also when they have ended or the quota is used up."""
        if not self.calls:
            return
        call = self.calls[-1 - place % len(self.calls)]
        answer = self.stores.do(self.take(node, call))
        assert not isinstance(answer, Exception)
        jobs = answer.jobs if isinstance(answer, Replayed) else answer
        assert [job.id for job in jobs] == [job.id for job in call.jobs]

    @rule(owner=owners, day=days, units=st.lists(st.integers(1, 4), min_size=2, max_size=4))
    def race_to_accept(self, owner: str, day: str, units: list[int]) -> None:
        """Several at once: some order explains who was taken, so none was refused that fitted at the end."""
        calls = [self.fresh(owner, day, [part], None) for part in units]
        answers = self.stores.at_once(
            *[lambda node=i % 2, call=call: self.take(node, call) for i, call in enumerate(calls)]
        )
        for call, answer in zip(calls, answers, strict=True):
            if not isinstance(answer, Exception):
                assert self.fits(call.jobs)
                self.taken(call)
        for call, answer in zip(calls, answers, strict=True):
            if isinstance(answer, Exception):
                assert not self.fits(call.jobs)

    # --- what becomes of them

    def write(self, node: int, job_id: str, decide: Callable[[Job], Job]) -> None:
        self.stores.do(self.stores.nodes[node].jobs.change(job_id, decide))
        self.look(job_id)

    def look(self, job_id: str) -> None:
        """Take what is stored for what happened: the numbers must follow from that."""
        found = self.stores.do(self.stores.nodes[0].jobs.get(job_id))
        assert found is not None
        self.jobs[job_id] = found

    def pick(self, place: int) -> Job:
        """Return a job: live ones first, they lead to more."""
        jobs = sorted(self.jobs.values(), key=lambda job: not job.is_final)
        return jobs[-1 - place % len(jobs)]

    @staticmethod
    def onward(job: Job) -> JobEvent:
        """Return the event that leads on from where the job is."""
        match job.phase:
            case Phase.QUEUED:
                return Bound(account_id=f"sora_web:{job.id}")
            case Phase.BOUND:
                return submitting(job.id, job.id)
            case Phase.SUBMITTING:
                return Started(ticket=job.id, remote_id=f"task_of_{job.id}")
            case Phase.RUNNING:
                return Succeeded(outputs=(RemoteOutput(index=0, url="https://x/y"),))
            case Phase.COLLECTING:
                return Completed(outputs=(new_output(),), expires_at=NOW + 9)
            case _:
                return Deleted()

    @rule(node=nodes, place=places, steps=st.integers(1, 6))
    def goes_on(self, node: int, place: int, steps: int) -> None:
        if not self.jobs:
            return
        job = self.pick(place)
        for _ in range(steps):
            self.write(node, job.id, on(self.onward(self.jobs[job.id])))

    @rule(
        node=nodes,
        place=places,
        event=st.sampled_from(
            [
                Cancelled(),
                Deleted(),
                Released(reason="gone"),
                Failed(error=LOST, is_over_at_backend=True),
                Failed(error=LOST, is_over_at_backend=False),
            ]
        ),
    )
    def ends(self, node: int, place: int, event: JobEvent) -> None:
        if not self.jobs:
            return
        self.write(node, self.pick(place).id, on(event))

    @rule(node=nodes, place=places, is_task=st.booleans())
    def a_late_fact(self, node: int, place: int, is_task: bool) -> None:
        """A call that was thought lost tells what became of it; ended jobs cost what they cost."""
        if not self.jobs:
            return
        job = self.pick(place)
        fact = Started(ticket=job.id, remote_id=f"task_of_{job.id}")
        self.write(node, job.id, on(fact if is_task else Returned(ticket=job.id, reason="not sent")))

    @rule(place=places, is_failure=st.booleans())
    def race_to_end(self, place: int, is_failure: bool) -> None:
        """Two nodes write at once what excludes each other: the job is settled once."""
        if not self.jobs:
            return
        job = self.pick(place)
        end = Failed(error=LOST, is_over_at_backend=True) if is_failure else Cancelled()
        first, second = self.stores.nodes
        self.stores.at_once(
            lambda: first.jobs.change(job.id, on(self.onward(job))),
            lambda: second.jobs.change(job.id, on(end)),
        )
        self.look(job.id)

    @rule(node=nodes)
    def archive(self, node: int) -> None:
        self.stores.do(self.stores.nodes[node].jobs.archive(10))

    @rule(node=nodes, place=places)
    def forget_blobs(self, node: int, place: int) -> None:
        if not self.jobs:
            return
        job = self.pick(place)
        if job.is_final:
            self.stores.do(self.stores.nodes[node].jobs.forget_blobs(job.id))
            self.look(job.id)

    @rule(loses_answers=st.booleans())
    def line_is_bad(self, loses_answers: bool) -> None:
        """From now on every script runs twice, or once again."""
        self.stores.loses_answers = loses_answers

    # --- what holds

    @invariant()
    def counts_are_what_the_jobs_say(self) -> None:
        """Units and ends of every day and month, for each owner, with nothing left over or missing."""
        for owner in OWNERS:
            usage = self.stores.nodes[0].usage
            expected = [self.spent(owner, period) for period in (*DAYS, *MONTHS)]
            assert self.stores.do(usage.units(owner, (*DAYS, *MONTHS))) == expected
            bounds = OWNERS[owner]
            assert bounds.daily_units is None or max(expected[:3]) <= bounds.daily_units
            assert bounds.monthly_units is None or max(expected[3:]) <= bounds.monthly_units

    def teardown(self) -> None:
        """Days show how many jobs there were and how they ended."""
        for owner in OWNERS:
            for day in self.stores.do(self.stores.nodes[1].usage.days(owner, DAYS)):
                mine = [
                    job
                    for job in self.jobs.values()
                    if job.owner == owner and job.reservation and job.reservation.day == day.date
                ]
                ends = Counter(job.status.value for job in mine)
                assert day.jobs == len(mine)
                assert (day.completed, day.failed, day.cancelled) == (
                    ends["completed"],
                    ends["failed"],
                    ends["cancelled"],
                )
                assert sum(day.by_model.values()) == day.units


def test_quotas_never_drift(stores: Stores) -> None:
    """Never over a limit, never counted twice, never forgotten."""
    run(lambda: QuotaMachine(stores), settings=tries(30, stateful_step_count=30))
