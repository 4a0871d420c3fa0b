"""Prove the promises of ``ports.stores.JobStore`` about waiting: fair order, heads, slots."""

from __future__ import annotations

import asyncio

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import Bound, Cancelled, Failed, Returned
from sora_gateway.domain.jobs import JobError
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.priorities import Priority
from sora_gateway.ports.stores import (
    Store,
)
from tests.conftest_store import (
    ACCOUNT,
    accepted,
    bound,
    cancelled,
    held,
    new_job,
    on,
    wait_until,
)

FAR = 4_000_000_000.0
HIGH, LOW = Priority.HIGH, Priority.LOW
FAILED = Failed(error=JobError(kind=ErrorKind.LOST, message="m", code="lost"), is_over_at_backend=True)


async def test_queue_limit_counts_all_waiting_jobs_only(store: Store) -> None:
    """Jobs of other signatures and delayed ones count, those with an account do not."""
    delayed, other, served = new_job(), new_job(signature="other"), new_job()
    await bound(store, served)
    await bound(store, delayed)
    await store.jobs.change(delayed.id, on(Returned(ticket=None, reason="r", not_before=FAR)))
    await accepted(store, other)
    with pytest.raises(GatewayError):
        await store.jobs.accept([new_job()], cost=1, queue_limit=2)
    await store.jobs.accept([new_job()], cost=1, queue_limit=3)


async def test_a_thousand_jobs_of_one_owner_do_not_delay_another(store: Store) -> None:
    """The first job of a newcomer stands among the first of everybody."""
    many = [new_job(owner="lic_many") for _ in range(1000)]
    for start in range(0, 1000, 100):
        await store.jobs.accept(many[start : start + 100], cost=1, queue_limit=5000)
    late = new_job(owner="lic_late")
    await accepted(store, late)
    assert late.id in {head.job_id for head in await store.jobs.heads(2)}
    assert await store.jobs.queue_position(late) == 2


async def test_service_alternates_between_owners_by_cost(store: Store) -> None:
    """Virtual time: a job of cost 3 lets three of cost 1 pass, and what was served is not held for ever."""
    dear = [new_job(owner="lic_dear") for _ in range(3)]
    cheap = [new_job(owner="lic_cheap") for _ in range(6)]
    await store.jobs.accept(dear, cost=3, queue_limit=99)
    await store.jobs.accept(cheap, cost=1, queue_limit=99)
    served = []
    for _ in range(9):
        (head,) = await store.jobs.heads(1)
        assert await store.jobs.bind(head.job_id, on(Bound(account_id=ACCOUNT)), ACCOUNT, 99)
        served.append("d" if head.job_id in {job.id for job in dear} else "c")
    assert "".join(served) == "ccdcccdcd"
    regular, newcomer = new_job(owner="lic_dear"), new_job(owner="lic_new")
    await accepted(store, regular, newcomer)
    assert [head.job_id for head in await store.jobs.heads(2)] == [regular.id, newcomer.id]


async def test_a_higher_class_is_served_first(store: Store) -> None:
    """A thousand jobs that wait already delay none of a higher class; the position tells so."""
    normal = [new_job(owner="lic_many") for _ in range(1000)]
    low, high = new_job(owner="lic_low", priority=LOW), new_job(owner="lic_high", priority=HIGH)
    await accepted(store, low)
    for start in range(0, 1000, 100):
        await store.jobs.accept(normal[start : start + 100], cost=12, queue_limit=5000)
    assert await store.jobs.queue_position(low) == 1001
    await accepted(store, high)
    heads = [head.job_id for head in await store.jobs.heads(2)]
    assert heads == [high.id, normal[0].id]
    assert [await store.jobs.queue_position(job) for job in (high, normal[0], low)] == [1, 2, 1002]


async def test_a_class_is_fair_within_itself(store: Store) -> None:
    """By cost as ever; what other classes are served is not held against anybody."""
    for _ in range(3):
        await accepted(store, new_job(owner="lic_a", priority=HIGH))
    for owner in ("lic_a", "lic_a", "lic_b"):
        await accepted(store, new_job(owner=owner, priority=LOW))
    owners = []
    for _ in range(6):
        (head,) = await store.jobs.heads(1)
        job = await store.jobs.bind(head.job_id, on(Bound(account_id=ACCOUNT)), ACCOUNT, 99)
        assert job is not None
        owners.append(f"{job.priority.value} {job.owner}")
    assert owners == ["high lic_a"] * 3 + ["low lic_a", "low lic_b", "low lic_a"]
    regular, newcomer = (new_job(owner=owner, priority=LOW) for owner in ("lic_a", "lic_new"))
    await accepted(store, regular, newcomer)
    assert [head.job_id for head in await store.jobs.heads(2)] == [regular.id, newcomer.id]


async def test_a_returned_job_keeps_its_class(store: Store) -> None:
    """Also after a delay; while it is delayed its position counts it where it belongs."""
    low, normal, high = (new_job(priority=priority) for priority in (LOW, Priority.NORMAL, HIGH))
    await bound(store, high)
    await accepted(store, low, normal)
    await store.jobs.change(high.id, on(Returned(ticket=None, reason="r", not_before=FAR)))
    assert [head.job_id for head in await store.jobs.heads(3)] == [normal.id, low.id]
    assert await store.jobs.queue_position(high) == 1
    soon = on(Bound(account_id=ACCOUNT), Returned(ticket=None, reason="r", not_before=1.0))
    await store.jobs.change(high.id, soon)
    assert [head.job_id for head in await store.jobs.heads(3)] == [high.id, normal.id, low.id]


async def test_a_higher_class_comes_first_over_all_signatures(store: Store) -> None:
    """Signatures may compete for one account, so the order of heads is by class before anything else."""
    jobs = {
        (signature, priority): new_job(signature=signature, priority=priority)
        for signature in ("s1", "s2")
        for priority in (LOW, Priority.NORMAL, HIGH)
    }
    await accepted(store, *jobs.values())
    classes = {job.id: priority for (_, priority), job in jobs.items()}
    heads = [classes[head.job_id] for head in await store.jobs.heads(9)]
    assert heads == [HIGH, HIGH, Priority.NORMAL, Priority.NORMAL, LOW, LOW]


async def test_a_returned_job_keeps_its_place(store: Store) -> None:
    """What comes back from an account goes before what came later."""
    first, second = new_job(), new_job()
    await accepted(store, first, second)
    await store.jobs.bind(first.id, on(Bound(account_id=ACCOUNT)), ACCOUNT, 9)
    await store.jobs.change(first.id, on(Returned(ticket=None, reason="r")))
    assert [head.job_id for head in await store.jobs.heads(2)] == [first.id, second.id]


async def test_a_delayed_job_is_no_head_before_its_time(store: Store) -> None:
    """``not_before`` is measured by the store's clock; the position counts it where it belongs."""
    delayed, other = new_job(), new_job()
    await bound(store, delayed)
    await accepted(store, other)
    await store.jobs.change(delayed.id, on(Returned(ticket=None, reason="r", not_before=FAR)))
    assert [head.job_id for head in await store.jobs.heads(2)] == [other.id]
    assert await store.jobs.queue_position(delayed) == 1
    soon = on(Bound(account_id=ACCOUNT), Returned(ticket=None, reason="r", not_before=1.0))
    await store.jobs.change(delayed.id, soon)
    assert [head.job_id for head in await store.jobs.heads(2)] == [delayed.id, other.id]


@pytest.mark.parametrize("is_known", [True, False], ids=["accepted here", "new to this node"])
async def test_a_look_is_the_job_and_its_place(store: Store, is_known: bool) -> None:
    """Whatever happened to the job meanwhile, also where only another node did it."""
    first, job = new_job(), new_job()
    await accepted(store, first, job)
    if is_known:
        assert await store.jobs.look(job.id) == (job, 2)
    await cancelled(store, first)
    assert await store.jobs.look(job.id) == (job, 1)
    await store.jobs.bind(job.id, on(Bound(account_id=ACCOUNT)), ACCOUNT, 9)
    assert await store.jobs.look(job.id) == (await store.jobs.get(job.id), None)
    _, back = await store.jobs.change(job.id, on(Returned(ticket=None, reason="r", not_before=FAR)))
    assert await store.jobs.look(job.id) == (back, 1)
    await cancelled(store, job)
    await store.jobs.archive(9)
    found = await store.jobs.look(job.id)
    assert found == (await store.jobs.get(job.id), None)
    assert await store.jobs.look("video_none") is None


async def test_a_delay_ends_by_itself(store: Store) -> None:
    """Once ``not_before`` has passed the job is a head again without any write."""
    job = new_job()
    await bound(store, job)
    now_s = await _time(store)
    await store.jobs.change(job.id, on(Returned(ticket=None, reason="r", not_before=now_s + 0.05)))

    async def is_head() -> bool:
        return [head.job_id for head in await store.jobs.heads(1)] == [job.id]

    assert not await is_head()
    await wait_until(is_head)


async def test_heads_are_per_signature(store: Store) -> None:
    """Each signature shows its own first ones."""
    jobs = [new_job(signature=f"s{i % 3}") for i in range(9)]
    await accepted(store, *jobs)
    heads = await store.jobs.heads(2)
    by_signature = {name: [h.job_id for h in heads if h.signature == name] for name in ("s0", "s1", "s2")}
    assert by_signature == {f"s{i}": [jobs[i].id, jobs[i + 3].id] for i in range(3)}
    for job in jobs[::3]:
        await store.jobs.change(job.id, on(Cancelled()))
    assert {head.signature for head in await store.jobs.heads(2)} == {"s1", "s2"}


async def test_twenty_parallel_binders_respect_the_slots(store: Store) -> None:
    """Three slots, one of them taken by a foreign task: two of twenty get one."""
    jobs = [new_job() for _ in range(20)]
    image = new_job(kind=MediaKind.IMAGE)
    await bound(store, image)
    lease = await held(store)
    await store.lanes.note_listed(lease, ["foreign"], {MediaKind.VIDEO: 1}, None)
    await accepted(store, *jobs)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(store.jobs.bind(job.id, on(Bound(account_id=ACCOUNT)), ACCOUNT, 3))
            for job in jobs
        ]
    winners = [task.result() for task in tasks if task.result() is not None]
    assert len(winners) == 2
    load = (await store.lanes.load([ACCOUNT]))[ACCOUNT]
    assert (load.ours[MediaKind.VIDEO], load.ours[MediaKind.IMAGE]) == (2, 1)
    assert {job.id for job in await store.jobs.lane_jobs(ACCOUNT)} == {image.id} | {
        job.id for job in winners if job is not None
    }
    assert len(await store.jobs.heads(99)) == 18


async def test_twenty_binders_of_one_job_bind_it_once(store: Store) -> None:
    """Whoever comes second has lost, whatever the account."""
    job = new_job()
    await accepted(store, job)
    accounts = [f"sora_web:user-{i}" for i in range(20)]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(store.jobs.bind(job.id, on(Bound(account_id=account)), account, 1))
            for account in accounts
        ]
    assert sum(task.result() is not None for task in tasks) == 1
    loads = await store.lanes.load(accounts)
    assert sum(load.ours[MediaKind.VIDEO] for load in loads.values()) == 1


async def test_bind_of_an_unknown_or_ended_job_is_lost(store: Store) -> None:
    """There is nothing to bind."""
    job = new_job()
    await cancelled(store, job)
    for job_id in (job.id, "job_none"):
        assert await store.jobs.bind(job_id, on(Bound(account_id=ACCOUNT)), ACCOUNT, 1) is None


async def _time(store: Store) -> float:
    job = new_job("job_clock", signature="clock")
    await accepted(store, job)
    await store.jobs.change(job.id, on(Cancelled()))
    milliseconds = int((await store.feed.last_id()).split("-")[0])
    return milliseconds / 1000
