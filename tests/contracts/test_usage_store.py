"""Prove the promises of ``ports.usage.UsageStore``, and that its numbers are exactly what the jobs say."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import (
    BecameAmbiguous,
    Bound,
    Cancelled,
    Completed,
    Deleted,
    Failed,
    JobEvent,
    NotListed,
    Progressed,
    Released,
    Returned,
    Started,
    Succeeded,
)
from sora_gateway.domain.jobs import Job, JobError, Phase, Reservation
from sora_gateway.domain.licences import NO_BOUNDS, Bounds
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.remote import RemoteOutput
from sora_gateway.ports.stores import Idempotency, Replayed, Store
from sora_gateway.ports.usage import BoundName, BoundReachedError
from tests.conftest_store import ACCOUNT, NOW, new_job, new_output, on, submitting

DAYS = ("2026-11-22", "2026-11-23", "2026-12-01")
TODAY = DAYS[0]
LOST = JobError(kind=ErrorKind.LOST, message="m", code="lost")


def job_of(units: int, *, owner: str = "lic_a", day: str = TODAY, kind: MediaKind = MediaKind.VIDEO) -> Job:
    """Return a job that reserves ``units``."""
    reserved = Reservation(units=units, day=day, month=day[:7])
    return replace(new_job(owner=owner, kind=kind), reservation=reserved)


async def accept(store: Store, *jobs: Job, bounds: Bounds = NO_BOUNDS) -> None:
    """Accept siblings."""
    await store.jobs.accept(jobs, cost=1, queue_limit=100_000, bounds=bounds)


async def units(store: Store, owner: str = "lic_a") -> tuple[int, int]:
    """Return the units of today and of the month."""
    day, month = await store.usage.units(owner, (TODAY, TODAY[:7]))
    return day, month


# --- requests ---------------------------------------------------------------------------------------------


async def test_requests_within_a_minute_are_counted(store: Store) -> None:
    """As many as allowed, each owner for himself; looking takes nothing, and a refusal neither."""
    taken = [await store.usage.take_request("lic_a", 3) for _ in range(5)]
    assert [(pace.is_allowed, pace.remaining) for pace in taken] == [
        (True, 2),
        (True, 1),
        (True, 0),
        (False, 0),
        (False, 0),
    ]
    assert taken[0].retry_after_s == taken[1].retry_after_s == 0
    assert all(55 < pace.retry_after_s <= 60 and 55 < pace.reset_s <= 60 for pace in taken[2:])
    looked = await store.usage.take_request("lic_a", 3, is_counted=False)
    assert (looked.is_allowed, looked.remaining, looked.limit) == (True, 0, 3)
    assert (await store.usage.take_request("lic_b", 3)).remaining == 2
    fresh = await store.usage.take_request("lic_c", 3, is_counted=False)
    assert (fresh.remaining, fresh.reset_s) == (3, 0)


async def test_parallel_requests_get_no_more_than_allowed(store: Store) -> None:
    """Forty at once with ten allowed: ten."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(store.usage.take_request("lic_a", 10)) for _ in range(40)]
    assert sum(task.result().is_allowed for task in tasks) == 10


async def test_a_lowered_limit_holds_at_once(store: Store) -> None:
    """What was made before counts against it."""
    for _ in range(4):
        await store.usage.take_request("lic_a", 9)
    pace = await store.usage.take_request("lic_a", 2)
    assert (pace.is_allowed, pace.remaining) == (False, 0)


# --- units ------------------------------------------------------------------------------------------------


async def test_units_are_reserved_and_given_back_or_kept(store: Store) -> None:
    """At acceptance in the day and the month; back when nothing came of it, kept for what was made."""
    made, failed, cancelled = job_of(4), job_of(2), job_of(1)
    await accept(store, made)
    await accept(store, failed)
    await accept(store, cancelled)
    assert await units(store) == (7, 7)
    await store.jobs.change(failed.id, on(Failed(error=LOST, is_over_at_backend=True)))
    await store.jobs.change(cancelled.id, on(Cancelled()))
    assert await units(store) == (4, 4)
    await store.jobs.change(made.id, on(Bound(account_id=ACCOUNT), submitting(made.id)))
    await store.jobs.change(made.id, on(Started(ticket=made.id, remote_id="r")))
    await store.jobs.change(made.id, on(Succeeded(outputs=(RemoteOutput(index=0, url="https://x/y"),))))
    await store.jobs.change(made.id, on(Completed(outputs=(new_output(),), expires_at=NOW + 9)))
    await store.jobs.change(made.id, on(Deleted()))
    await store.jobs.archive(10)
    await store.jobs.forget_blobs(made.id)
    assert await units(store) == (4, 4)
    (day,) = await store.usage.days("lic_a", [TODAY])
    assert (day.jobs, day.completed, day.failed, day.cancelled, day.units) == (3, 1, 1, 1, 4)
    assert day.by_model == {made.request.family.value: 4}


@pytest.mark.parametrize(
    ("events", "charged"),
    [
        ((), 0),
        ((Bound(account_id=ACCOUNT),), 0),
        ((Bound(account_id=ACCOUNT), submitting("t")), 0),
        (
            (
                Bound(account_id=ACCOUNT),
                submitting("t"),
                BecameAmbiguous(ticket="t", reason="", counts_from=1),
            ),
            0,
        ),
        ((Bound(account_id=ACCOUNT), submitting("t"), Started(ticket="t", remote_id="r")), 3),
        (
            (
                Bound(account_id=ACCOUNT),
                submitting("t"),
                Started(ticket="t", remote_id="r"),
                Succeeded(outputs=(RemoteOutput(index=0, url="https://x/y"),)),
            ),
            3,
        ),
    ],
)
async def test_a_cancelled_job_costs_if_the_backend_has_it(
    store: Store, events: tuple[JobEvent, ...], charged: int
) -> None:
    """What it is found to have later changes nothing: in doubt nothing is charged."""
    job = job_of(3)
    await accept(store, job)
    await store.jobs.change(job.id, on(*events))
    await store.jobs.change(job.id, on(Cancelled()))
    assert await units(store) == (charged, charged)
    await store.jobs.change(job.id, on(Started(ticket="t", remote_id="late")))
    await store.jobs.change(job.id, on(Released(reason="r"), Deleted()))
    assert await units(store) == (charged, charged)


async def test_siblings_are_taken_all_or_none(store: Store) -> None:
    """Three of two units do not fit into five; nothing is reserved then."""
    bounds = Bounds(daily_units=5)
    with pytest.raises(BoundReachedError) as caught:
        await accept(store, job_of(2), job_of(2), job_of(2), bounds=bounds)
    assert (caught.value.bound, caught.value.used) == (BoundName.DAILY_UNITS, 0)
    assert await units(store) == (0, 0)
    await accept(store, job_of(2), job_of(2), bounds=bounds)
    assert await units(store) == (4, 4)


async def test_a_quota_is_exact_under_parallel_requests(store: Store) -> None:
    """Thirty at once with ten units: ten are accepted, and a failure makes room for one more."""
    bounds, jobs = Bounds(monthly_units=10), [job_of(1) for _ in range(30)]

    async def is_taken(job: Job) -> bool:
        try:
            await accept(store, job, bounds=bounds)
        except BoundReachedError:
            return False
        return True

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(is_taken(job)) for job in jobs]
    accepted = [job for job, task in zip(jobs, tasks, strict=True) if task.result()]
    assert len(accepted) == 10
    await store.jobs.change(accepted[0].id, on(Failed(error=LOST, is_over_at_backend=True)))
    await accept(store, job_of(1), bounds=bounds)
    assert await units(store) == (10, 10)


async def test_what_costs_nothing_is_made_with_an_empty_purse(store: Store) -> None:
    """Characters are free."""
    bounds = Bounds(daily_units=1)
    await accept(store, job_of(1), bounds=bounds)
    await accept(store, job_of(0, kind=MediaKind.CHARACTER), bounds=bounds)
    (day,) = await store.usage.days("lic_a", [TODAY])
    assert (day.jobs, day.units, set(day.by_model.values())) == (2, 1, {1})


async def test_another_day_has_a_quota_of_its_own(store: Store) -> None:
    """The bucket is that of the acceptance, also when the job ends later."""
    bounds = Bounds(daily_units=1)
    first, second = job_of(1), job_of(1, day=DAYS[1])
    await accept(store, first, bounds=bounds)
    await accept(store, second, bounds=bounds)
    await store.jobs.change(first.id, on(Cancelled()))
    assert await store.usage.units("lic_a", DAYS) == [0, 1, 0]


async def test_repeats_and_replays_reserve_nothing(store: Store) -> None:
    """The same ids again, and the same idempotency key; both also with the quota used up."""
    bounds, key, job = Bounds(daily_units=3), Idempotency(scope="s", key="k", digest="d"), job_of(3)
    for again in (job, job, job_of(3)):
        answer = await store.jobs.accept([again], cost=1, queue_limit=9, idempotency=key, bounds=bounds)
        jobs = answer.jobs if isinstance(answer, Replayed) else answer
        assert [one.id for one in jobs] == [job.id]
    assert await units(store) == (3, 3)


async def test_unfinished_and_waiting_jobs_are_bounded(store: Store) -> None:
    """Unfinished: until the end; waiting: until an account has it. Others are not counted."""
    first, second = job_of(1), job_of(1)
    await accept(store, job_of(1, owner="lic_b"))
    await accept(store, first, bounds=Bounds(queued_jobs=1))
    with pytest.raises(BoundReachedError) as caught:
        await accept(store, second, bounds=Bounds(queued_jobs=1))
    assert (caught.value.bound, caught.value.used) == (BoundName.QUEUED_JOBS, 1)
    assert await store.jobs.bind(first.id, on(Bound(account_id=ACCOUNT)), ACCOUNT, 9)
    await accept(store, second, bounds=Bounds(queued_jobs=1, concurrent_jobs=2))
    with pytest.raises(BoundReachedError) as caught:
        await accept(store, job_of(1), bounds=Bounds(concurrent_jobs=2))
    assert (caught.value.bound, caught.value.used) == (BoundName.CONCURRENT_JOBS, 2)
    await store.jobs.change(first.id, on(Cancelled()))
    await accept(store, job_of(1), bounds=Bounds(concurrent_jobs=2))
    with pytest.raises(GatewayError) as full:
        await store.jobs.accept([job_of(1)], cost=1, queue_limit=1, bounds=Bounds(concurrent_jobs=9))
    assert full.value.kind is ErrorKind.QUEUE_FULL


async def test_days_without_any_are_there(store: Store) -> None:
    """An owner who did nothing has a row of zeros for each day that was asked for."""
    days = await store.usage.days("lic_none", DAYS)
    assert [(day.date, day.jobs, day.units, dict(day.by_model)) for day in days] == [
        (date, 0, 0, {}) for date in DAYS
    ]


# --- anything at all --------------------------------------------------------------------------------------


@dataclass
class Ledger:
    """What the buckets must be, kept by plain bookkeeping beside the store."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def open(self, job: Job) -> None:
        """A job was accepted."""
        self._add(job, 1)
        self.counts[job.owner, self._taken(job).day, "jobs"] += 1

    def close(self, before: Job, after: Job) -> None:
        """A job became final."""
        self.counts[after.owner, self._taken(after).day, after.phase.value] += 1
        is_kept = after.phase is Phase.COMPLETED or (
            after.phase is Phase.CANCELLED and before.phase in (Phase.RUNNING, Phase.COLLECTING)
        )
        if not is_kept:
            self._add(after, -1)

    def _add(self, job: Job, sign: int) -> None:
        taken = self._taken(job)
        for period in (taken.day, taken.month):
            self.counts[job.owner, period, "units"] += sign * taken.units
        self.counts[job.owner, taken.day, job.request.family.value] += sign * taken.units

    def _taken(self, job: Job) -> Reservation:
        assert job.reservation is not None
        return job.reservation


def fitting(job: Job) -> JobEvent | None:
    """Return what brings a job on in its life, None for one that has ended."""
    ticket = job.attempt.ticket if job.attempt is not None else "none"
    match job.phase:
        case Phase.QUEUED:
            return Bound(account_id=ACCOUNT)
        case Phase.BOUND:
            return submitting(f"t {job.id}", job.id)
        case Phase.SUBMITTING | Phase.AMBIGUOUS:
            return Started(ticket=ticket, remote_id=f"task {job.id}")
        case Phase.RUNNING:
            return Succeeded(outputs=(RemoteOutput(index=0, url="https://x/y"),))
        case Phase.COLLECTING:
            return Completed(outputs=(new_output(),), expires_at=NOW + 9)
        case _:
            return None


def any_event(job: Job, dice: random.Random) -> JobEvent:
    """Return something that may happen to a job, more often than not what is next, else anything."""
    ticket = job.attempt.ticket if job.attempt is not None else "none"
    following = fitting(job)
    if following is not None and dice.random() < 0.7:
        return following
    return dice.choice(
        [
            BecameAmbiguous(ticket=ticket, reason="r", counts_from=NOW),
            Returned(ticket=dice.choice([ticket, None]), reason="r"),
            Progressed(progress=dice.random()),
            NotListed(),
            Started(ticket=ticket, remote_id=f"task {job.id}"),
            Completed(outputs=(new_output(),), expires_at=NOW + 9),
            Failed(error=LOST, is_over_at_backend=dice.random() < 0.5),
            Cancelled(),
            Released(reason="r"),
            Deleted(),
        ]
    )


OWNERS = {
    "lic_a": NO_BOUNDS,
    "lic_b": Bounds(daily_units=12, concurrent_jobs=9),
    "lic_c": Bounds(monthly_units=15, queued_jobs=4),
}


@dataclass
class World:
    """Jobs of several owners to whom anything may happen, and the book that is kept of them."""

    store: Store
    dice: random.Random
    ledger: Ledger = field(default_factory=Ledger)
    ids: list[str] = field(default_factory=list)

    async def arrive(self) -> None:
        """Somebody asks for jobs, perhaps twice by the same ids."""
        owner, day = self.dice.choice(list(OWNERS)), self.dice.choice(DAYS)
        price, siblings = self.dice.choice([0, 1, 2, 5]), self.dice.choice([1, 1, 1, 3])
        jobs = [job_of(price, owner=owner, day=day) for _ in range(siblings)]
        try:
            await accept(self.store, *jobs, bounds=OWNERS[owner])
        except BoundReachedError:
            return
        if self.dice.random() < 0.3:
            await accept(self.store, *jobs, bounds=OWNERS[owner])
        for job in jobs:
            self.ledger.open(job)
            self.ids.append(job.id)

    async def happen(self, job_id: str, event: JobEvent) -> None:
        """One thing happens to one job."""
        before, after = await self.store.jobs.change(job_id, on(event))
        if after.is_final and not before.is_final:
            self.ledger.close(before, after)

    async def jobs(self) -> list[Job]:
        """Return all jobs as they are."""
        found = [await self.store.jobs.get(job_id) for job_id in self.ids]
        return [job for job in found if job is not None]

    async def check(self, owner: str, bounds: Bounds) -> None:
        """Compare every number of an owner with the book."""
        months = sorted({date[:7] for date in DAYS})
        for day in await self.store.usage.days(owner, DAYS):
            row = (day.jobs, day.completed, day.failed, day.cancelled, day.units)
            names = ("jobs", "completed", "failed", "cancelled", "units")
            assert row == tuple(self.ledger.counts[owner, day.date, name] for name in names)
            assert sum(day.by_model.values()) == day.units
            assert 0 <= day.units <= (bounds.daily_units or day.units)
        charged = await self.store.usage.units(owner, months)
        assert list(charged) == [self.ledger.counts[owner, month, "units"] for month in months]
        assert max(charged) <= (bounds.monthly_units or max(charged))
        with pytest.raises(BoundReachedError) as caught:
            await accept(self.store, job_of(1, owner=owner), bounds=Bounds(concurrent_jobs=0))
        assert caught.value.used == sum(job.owner == owner and not job.is_final for job in await self.jobs())


@pytest.mark.parametrize("seed", range(4))
async def test_no_unit_is_adrift_whatever_happens(store: Store, seed: int) -> None:
    """Three owners, jobs on three days, events in any order, seven at once, archived in between.

    Afterwards each number of each bucket is what plain bookkeeping says, and no bound was ever passed.
    """
    world = World(store, random.Random(seed))
    await world.arrive()
    for _ in range(40):
        await world.arrive()
        known = {job.id: job for job in await world.jobs()}
        async with asyncio.TaskGroup() as group:
            for job_id in world.dice.choices(list(known), k=7) if known else ():
                group.create_task(world.happen(job_id, any_event(known[job_id], world.dice)))
        await store.jobs.archive(2)
    ends = Counter(job.phase for job in await world.jobs())
    assert min(ends[end] for end in (Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED)) > 0
    for owner, bounds in OWNERS.items():
        await world.check(owner, bounds)
