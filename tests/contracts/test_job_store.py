"""Prove the promises of ``ports.stores.JobStore``."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import (
    BecameAmbiguous,
    Bound,
    Cancelled,
    Deleted,
    Failed,
    Progressed,
    Released,
    Started,
)
from sora_gateway.domain.jobs import Job, JobError, Phase, Status
from sora_gateway.domain.media import MediaKind
from sora_gateway.ports.stores import (
    Idempotency,
    IdempotencyConflictError,
    Lease,
    LeaseLostError,
    Replayed,
    Store,
    TakenError,
    TwinError,
)
from tests.conftest_store import (
    ACCOUNT,
    NOW,
    accepted,
    bound,
    cancelled,
    collecting,
    completed,
    held,
    new_job,
    on,
    running,
    submitting,
    wait_until,
)

FAR = 4_000_000_000.0
FAILED = Failed(error=JobError(kind=ErrorKind.LOST, message="m", code="lost"), is_over_at_backend=True)


async def test_accepted_jobs_can_be_read_queued_and_heard(store: Store) -> None:
    """An accepted job is stored, waits, has its first event and stands in the feed."""
    jobs = (new_job(), new_job())
    assert await store.jobs.accept(jobs, cost=10, queue_limit=2) == jobs
    assert await store.jobs.get(jobs[0].id) == jobs[0]
    assert [await store.jobs.queue_position(job) for job in jobs] == [1, 2]
    assert [head.job_id for head in await store.jobs.heads(5)] == [job.id for job in jobs]
    (event,) = await store.jobs.events_after(jobs[1].id, 0)
    assert (event.seq, event.at, event.status, event.percent) == (1, NOW, Status.QUEUED, 0)
    heard = await store.feed.read("0-0", block_s=0.01)
    assert [(entry.job, entry.has_public_change) for entry in heard] == [(job, True) for job in jobs]


async def test_get_of_an_unknown_job_is_none(store: Store) -> None:
    """Nobody is made up."""
    assert await store.jobs.get("job_none") is None
    assert await store.jobs.events_after("job_none", 0) == []
    assert await store.jobs.queue_position(new_job()) is None


async def test_accept_is_all_or_none(store: Store) -> None:
    """A queue that has no room for all siblings takes none of them."""
    await accepted(store, new_job())
    pair = (new_job(), new_job())
    with pytest.raises(GatewayError) as caught:
        await store.jobs.accept(pair, cost=1, queue_limit=2)
    assert caught.value.kind is ErrorKind.QUEUE_FULL
    assert await store.jobs.get(pair[0].id) is None
    assert len(await store.jobs.heads(10)) == 1
    assert len(await store.feed.read("0-0", block_s=0.01)) == 1


async def test_accept_repeated_gives_the_same_without_a_copy(store: Store) -> None:
    """A repeat by the same ids changes nothing, even when the job has gone on meanwhile."""
    job = new_job()
    await bound(store, job)
    (again,) = await store.jobs.accept([job], cost=1, queue_limit=1)  # type: ignore[misc]
    assert (again.id, again.phase) == (job.id, Phase.BOUND)
    assert await store.jobs.heads(10) == []
    assert len(await store.jobs.events_after(job.id, 0)) == 1


async def test_accept_repeated_after_archiving_makes_no_second_job(store: Store) -> None:
    """A repeat that comes very late finds the archived job."""
    job = new_job()
    await cancelled(store, job)
    assert await store.jobs.archive(10) == 1
    (again,) = await store.jobs.accept([job], cost=1, queue_limit=10)  # type: ignore[misc]
    assert again.phase is Phase.CANCELLED
    assert await store.jobs.heads(10) == []


async def test_an_idempotency_key_means_one_job(store: Store) -> None:
    """The same key and digest replays, also when the queue is full; another digest is refused."""
    first, second = new_job(), new_job()
    key = Idempotency(scope="lic_a videos", key="k 1", digest="d1")
    assert await store.jobs.accept([first], cost=1, queue_limit=1, idempotency=key) == (first,)
    assert await store.jobs.accept([first], cost=1, queue_limit=1, idempotency=key) == (first,)
    replayed = await store.jobs.accept([second], cost=1, queue_limit=1, idempotency=key)
    assert replayed == Replayed(jobs=(first,))
    with pytest.raises(IdempotencyConflictError):
        await store.jobs.accept([second], cost=1, queue_limit=9, idempotency=replace(key, digest="d2"))
    elsewhere = replace(key, scope="lic_b videos")
    assert await store.jobs.accept([second], cost=1, queue_limit=9, idempotency=elsewhere) == (second,)


async def test_a_key_of_a_refused_request_stays_free(store: Store) -> None:
    """A request that was refused may be repeated under its key."""
    await accepted(store, new_job())
    key, job = Idempotency(scope="s", key="k", digest="d"), new_job()
    with pytest.raises(GatewayError):
        await store.jobs.accept([job], cost=1, queue_limit=1, idempotency=key)
    assert await store.jobs.accept([job], cost=1, queue_limit=2, idempotency=key) == (job,)


async def test_parallel_requests_with_one_key_make_one_job(store: Store) -> None:
    """Twenty at once: one is accepted, the others are its replay."""
    key = Idempotency(scope="s", key="k", digest="d")
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(store.jobs.accept([new_job()], cost=1, queue_limit=99, idempotency=key))
            for _ in range(20)
        ]
    answers = [task.result() for task in tasks]
    assert sum(isinstance(answer, Replayed) for answer in answers) == 19
    ids = {(answer.jobs if isinstance(answer, Replayed) else answer)[0].id for answer in answers}
    assert len(ids) == 1
    assert len(await store.jobs.heads(99)) == 1


async def test_a_page_is_totally_ordered_both_ways(store: Store) -> None:
    """Jobs of the same second come by id; three pages show each once, up and down."""
    jobs = [new_job(created_at=NOW + i // 4) for i in range(8)]
    await accepted(store, *reversed(jobs), new_job(owner="lic_b"), new_job(kind=MediaKind.IMAGE))
    await store.jobs.change(jobs[2].id, on(Cancelled()))
    await store.jobs.archive(1)
    for ascending in (True, False):
        seen: list[str] = []
        after = None
        for more in (True, True, False):
            page = await store.jobs.page(
                "lic_a", after=after, limit=3, ascending=ascending, kind=MediaKind.VIDEO
            )
            assert page is not None
            assert page.has_more is more
            seen += [job.id for job in page.jobs]
            after = seen[-1]
        expected = [job.id for job in jobs]
        assert seen == (expected if ascending else expected[::-1])


async def test_a_page_leaves_tombstones_out(store: Store) -> None:
    """Deleted jobs are skipped however many they are, and may still be the cursor."""
    jobs = [new_job() for _ in range(12)]
    await accepted(store, *jobs)
    for job in jobs[1:-1]:
        await store.jobs.change(job.id, on(Deleted()))
    page = await store.jobs.page("lic_a", after=None, limit=1, ascending=True, kind=MediaKind.VIDEO)
    assert page is not None
    assert ([job.id for job in page.jobs], page.has_more) == ([jobs[0].id], True)
    page = await store.jobs.page("lic_a", after=jobs[4].id, limit=2, ascending=True, kind=MediaKind.VIDEO)
    assert page is not None
    assert ([job.id for job in page.jobs], page.has_more) == ([jobs[-1].id], False)


async def test_a_page_behind_a_foreign_cursor_is_none(store: Store) -> None:
    """A cursor must be one of the owner's jobs; an owner without jobs has an empty page."""
    foreign = new_job(owner="lic_b")
    await accepted(store, foreign)
    query = {"limit": 2, "ascending": False, "kind": MediaKind.VIDEO}
    assert await store.jobs.page("lic_a", after=foreign.id, **query) is None  # type: ignore[arg-type]
    empty = await store.jobs.page("lic_a", after=None, **query)  # type: ignore[arg-type]
    assert empty is not None
    assert (empty.jobs, empty.has_more) == ((), False)


async def test_change_returns_before_and_after(store: Store) -> None:
    """The pair is the very write; deciding nothing writes nothing."""
    job = new_job()
    await accepted(store, job)
    before, after = await store.jobs.change(job.id, on(Bound(account_id=ACCOUNT)))
    assert (before, after) == (job, on(Bound(account_id=ACCOUNT))(job))
    assert await store.jobs.get(job.id) == after
    assert await store.jobs.change(job.id, lambda current: current) == (after, after)
    assert len(await store.feed.read("0-0", block_s=0.01)) == 2


async def test_change_of_an_unknown_job_is_not_found(store: Store) -> None:
    """There is no such job."""
    with pytest.raises(GatewayError) as caught:
        await store.jobs.change("job_none", on(Cancelled()))
    assert caught.value.kind is ErrorKind.NOT_FOUND


async def test_fifty_changers_at_once_lose_nothing(store: Store) -> None:
    """Each of fifty parallel changes is applied exactly once, and the feed has them in order."""
    job = new_job()
    await accepted(store, job)

    def decide(current: Job) -> Job:
        tries, version = current.tries + 1, current.version + 1
        return replace(current, tries=tries, version=version, seq=current.seq + 1)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(store.jobs.change(job.id, decide)) for _ in range(50)]
    assert sorted(task.result()[1].tries for task in tasks) == list(range(1, 51))
    stored = await store.jobs.get(job.id)
    assert stored is not None
    assert (stored.tries, stored.version) == (50, 51)
    assert [event.seq for event in await store.jobs.events_after(job.id, 0)] == list(range(1, 52))
    assert [entry.job.version for entry in await store.feed.read("0-0", block_s=0.01)] == list(range(1, 52))


async def test_a_change_under_a_lease_needs_the_current_one(store: Store) -> None:
    """A lost lease writes nothing; the current one and none at all do."""
    job = new_job()
    await bound(store, job)
    lease = await held(store)
    with pytest.raises(LeaseLostError):
        await store.jobs.change(job.id, on(submitting("t")), lease=Lease(account_id=ACCOUNT, token="1:other"))
    stored = await store.jobs.get(job.id)
    assert stored is not None
    assert stored.phase is Phase.BOUND
    _, after = await store.jobs.change(job.id, on(submitting("t")), lease=lease)
    assert after.phase is Phase.SUBMITTING


async def test_twins_are_refused_until_the_first_is_settled(store: Store) -> None:
    """Per account one unsettled submission of a fingerprint; another account may have its own."""
    first, twin, elsewhere = new_job(), new_job(), new_job()
    await bound(store, first, twin)
    await bound(store, elsewhere, account="sora_web:user-2")
    await store.jobs.change(first.id, on(submitting("t1")))
    await store.jobs.change(first.id, on(BecameAmbiguous(ticket="t1", reason="r", counts_from=NOW)))
    await store.jobs.change(elsewhere.id, on(submitting("t3")))
    with pytest.raises(TwinError):
        await store.jobs.change(twin.id, on(submitting("t2")))
    stored = await store.jobs.get(twin.id)
    assert stored is not None
    assert (stored.phase, len(await store.jobs.events_after(twin.id, 0))) == (Phase.BOUND, 1)
    await store.jobs.change(first.id, on(Started(ticket="t1", remote_id="task_1")))
    await store.jobs.change(twin.id, on(submitting("t2")))


async def test_a_cancelled_unsettled_job_still_keeps_its_twin_away(store: Store) -> None:
    """The obligation holds the fingerprint and the lane until it is released."""
    first, twin = new_job(), new_job()
    await bound(store, first, twin)
    await store.jobs.change(first.id, on(submitting("t1")))
    await store.jobs.change(first.id, on(Cancelled()))
    with pytest.raises(TwinError):
        await store.jobs.change(twin.id, on(submitting("t2")))
    assert {job.id for job in await store.jobs.lane_jobs(ACCOUNT)} == {first.id, twin.id}
    assert await store.jobs.archive(10) == 0
    await store.jobs.change(first.id, on(Released(reason="r")))
    await store.jobs.change(twin.id, on(submitting("t2")))
    assert {job.id for job in await store.jobs.lane_jobs(ACCOUNT)} == {twin.id}


async def test_a_remote_id_is_bound_to_one_job(store: Store) -> None:
    """The second job to report the same task is refused, also after the first is final."""
    first, second = new_job(), new_job()
    await running(store, first, "task_1")
    await bound(store, second)
    await store.jobs.change(second.id, on(submitting("t2", "f2")))
    claim = on(Started(ticket="t2", remote_id="task_1"))
    with pytest.raises(TakenError):
        await store.jobs.change(second.id, claim)
    await store.jobs.change(first.id, on(FAILED))
    await store.jobs.archive(10)
    with pytest.raises(TakenError):
        await store.jobs.change(second.id, claim)
    assert await store.lanes.owner_of(["task_1", "task_2"]) == {"task_1": first.id}
    await store.jobs.change(second.id, on(Started(ticket="t2", remote_id="task_2")))


async def test_events_are_numbered_without_gaps(store: Store) -> None:
    """Only what watchers can see is an event; a decision of several steps leaves no hole."""
    job = new_job()
    await running(store, job)
    for progress in (0.1, 0.1001, 0.4, 0.2, 0.9):
        await store.jobs.change(job.id, on(Progressed(progress=progress)))
    await store.jobs.change(job.id, on(Progressed(progress=0.95), FAILED))
    events = await store.jobs.events_after(job.id, 0)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.percent for event in events][:5] == [0, 0, 10, 40, 90]
    assert events[-1].status is Status.FAILED
    assert list(await store.jobs.events_after(job.id, 3)) == list(events)[3:]
    assert await store.jobs.events_after(job.id, 99) == []


async def test_the_collect_set_hands_out_each_job_once_per_lease(store: Store) -> None:
    """A claim postpones; a lease that ran out or was given back makes the job due again."""
    jobs = [new_job() for _ in range(3)]
    for i, job in enumerate(jobs):
        await collecting(store, job, f"task_{i}")
    first = await store.jobs.claim_collects(2, 60)
    second = await store.jobs.claim_collects(5, 0.05)
    assert sorted([*first, *second]) == [job.id for job in jobs]
    assert len(first) == 2

    async def is_due_again() -> bool:
        return await store.jobs.claim_collects(5, 60) == second

    await wait_until(is_due_again)
    await store.jobs.postpone_collect(first[0], 0)
    assert await store.jobs.claim_collects(5, 60) == [first[0]]
    await store.jobs.change(first[1], on(Cancelled()))
    await store.jobs.postpone_collect(first[1], 0)
    assert await store.jobs.claim_collects(5, 60) == []


async def test_deadlines_are_told_until_the_phase_changes(store: Store) -> None:
    """A passed deadline is due for every node; a final job has none."""
    late, early = new_job(deadline_at=10.0), new_job(deadline_at=FAR)
    await accepted(store, late, early)
    assert await store.jobs.due_deadlines(5) == [late.id]
    assert await store.jobs.due_deadlines(5) == [late.id]
    await store.jobs.change(late.id, on(FAILED))
    assert await store.jobs.due_deadlines(5) == []
    await store.jobs.change(early.id, on(Bound(account_id=ACCOUNT), now_s=10.0))
    assert await store.jobs.due_deadlines(5) == [early.id]


async def test_archiving_cannot_be_seen(store: Store) -> None:
    """Reading, listing, events and changes are the same for an archived job."""
    job = new_job()
    await completed(store, job, FAR)
    before = await store.jobs.get(job.id)
    events = list(await store.jobs.events_after(job.id, 0))
    assert await store.jobs.archive(10) == 1
    assert await store.jobs.archive(10) == 0
    assert before is not None
    assert await store.jobs.get(job.id) == before
    assert list(await store.jobs.events_after(job.id, 0)) == events
    page = await store.jobs.page("lic_a", after=None, limit=5, ascending=True, kind=MediaKind.VIDEO)
    assert page is not None
    assert page.jobs == (before,)
    last = await store.feed.last_id()
    assert await store.jobs.change(job.id, on(Cancelled())) == (before, before)
    _, after = await store.jobs.change(job.id, on(Deleted(), now_s=NOW + 1))
    assert (await store.jobs.get(job.id), after.deleted_at) == (after, NOW + 1)
    (heard,) = await store.feed.read(last, block_s=0.01)
    assert (heard.job, heard.has_public_change) == (after, False)
    assert list(await store.jobs.events_after(job.id, 0)) == events


async def test_parallel_changes_of_an_archived_job_are_kept_apart(store: Store) -> None:
    """Compare-and-set holds there too."""
    job = new_job()
    await cancelled(store, job)
    await store.jobs.archive(1)

    def decide(current: Job) -> Job:
        return replace(current, tries=current.tries + 1, version=current.version + 1)

    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(store.jobs.change(job.id, decide))
    stored = await store.jobs.get(job.id)
    assert stored is not None
    assert stored.tries == 10


async def test_archiving_under_changes_loses_none(store: Store) -> None:
    """A change that comes while the job is being moved lands, wherever the job is by then."""
    jobs = [new_job() for _ in range(20)]
    await cancelled(store, *jobs)

    def decide(current: Job) -> Job:
        return replace(current, tries=current.tries + 1, version=current.version + 1)

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(store.jobs.archive(20))
            for job in jobs:
                group.create_task(store.jobs.change(job.id, decide))
    for job in jobs:
        stored = await store.jobs.get(job.id)
        assert stored is not None
        assert stored.tries == 4


@pytest.mark.parametrize("is_archived", [False, True])
async def test_results_expire_once(store: Store, is_archived: bool) -> None:
    """Expired results are told until their blobs are forgotten; the job itself stays."""
    old, fresh = new_job(), new_job()
    await completed(store, old, 10.0, "task_1")
    await completed(store, fresh, FAR, "task_2")
    if is_archived:
        await store.jobs.archive(5)
    (expired,) = await store.jobs.expired(5)
    assert (expired.id, len(expired.outputs)) == (old.id, 1)
    await store.jobs.forget_blobs(old.id)
    await store.jobs.forget_blobs(old.id)
    assert await store.jobs.expired(5) == []
    kept = await store.jobs.get(old.id)
    assert kept is not None
    assert (kept.phase, kept.outputs, kept.expires_at) == (Phase.COMPLETED, (), 10.0)


@pytest.mark.parametrize("is_archived", [False, True])
async def test_a_deleted_job_gives_its_blobs_back_at_once(store: Store, is_archived: bool) -> None:
    """Deleting makes results due now; without results nothing is due."""
    job, empty = new_job(), new_job()
    await completed(store, job, FAR)
    await cancelled(store, empty)
    if is_archived:
        await store.jobs.archive(5)
    for job_id in (job.id, empty.id):
        await store.jobs.change(job_id, on(Deleted(), now_s=NOW - 1e8))
    assert [it.id for it in await store.jobs.expired(5)] == [job.id]
    await store.jobs.forget_blobs(job.id)
    await store.jobs.change(job.id, lambda it: replace(it, version=it.version + 1, tries=7))
    assert await store.jobs.expired(5) == []


async def test_forget_blobs_of_an_unknown_job_is_no_error(store: Store) -> None:
    """It is forgotten already."""
    await store.jobs.forget_blobs("job_none")
