"""Prove the promises of ``ports.stores.LaneStore``."""

from __future__ import annotations

import asyncio

import pytest

from sora_gateway.domain.job_events import Cancelled, Returned, Started
from sora_gateway.domain.media import MediaKind
from sora_gateway.ports.stores import LaneFacts, Lease, LeaseLostError, Load, Store, TakenError
from tests.conftest_store import ACCOUNT, bound, held, new_job, on, running, submitting, wait_until

OTHER = "sora_web:user-2"


async def test_only_lanes_with_work_are_claimed_and_each_once(store: Store) -> None:
    """Two nodes share the lanes; a lane that is held is not given again."""
    for account in (ACCOUNT, OTHER, "sora_web:user-3"):
        await bound(store, new_job(), account=account)
    first = await store.lanes.claim("a", 2, 30)
    second = await store.lanes.claim("b", 9, 30)
    assert (len(first), len(second)) == (2, 1)
    assert {lease.account_id for lease in (*first, *second)} == {ACCOUNT, OTHER, "sora_web:user-3"}
    assert len({lease.token for lease in (*first, *second)}) == 3
    assert await store.lanes.claim("c", 9, 30) == []


async def test_parallel_claims_never_share_a_lane(store: Store) -> None:
    """Ten nodes at once get ten lanes, each one owner."""
    for i in range(10):
        await bound(store, new_job(), account=f"sora_web:user-{i}")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(store.lanes.claim(f"node {i}", 3, 30)) for i in range(10)]
    owned = [lease.account_id for task in tasks for lease in task.result()]
    assert sorted(owned) == sorted(f"sora_web:user-{i}" for i in range(10))


async def test_a_lane_is_taken_over_when_its_lease_ends(store: Store) -> None:
    """Afterwards the old owner's renewal is lost, whoever it is, and its changes are refused."""
    job = new_job()
    await bound(store, job)
    (old,) = await store.lanes.claim("a", 1, 0.03)
    taken: list[Lease] = []

    async def is_taken_over() -> bool:
        taken.extend(await store.lanes.claim("a", 1, 30))
        return bool(taken)

    await wait_until(is_taken_over)
    assert taken[0].token != old.token
    assert await store.lanes.renew([old, taken[0]], 30) == [old]
    with pytest.raises(LeaseLostError):
        await store.jobs.change(job.id, on(submitting("t")), lease=old)
    await store.lanes.release(old)
    assert await store.lanes.renew(taken, 30) == []


async def test_a_renewed_lane_stays(store: Store) -> None:
    """A renewal counts from now; a lease that ran out unnoticed is renewed as well."""
    await bound(store, new_job())
    (lease,) = await store.lanes.claim("a", 1, 0.001)
    assert await store.lanes.renew([lease], 30) == []
    assert await store.lanes.claim("b", 1, 30) == []
    assert await store.lanes.renew([], 30) == []


async def test_a_released_lane_is_due_at_once(store: Store) -> None:
    """Its work goes to the next node without waiting for the lease."""
    await bound(store, new_job())
    lease = await held(store)
    await store.lanes.release(lease)
    (again,) = await store.lanes.claim("b", 1, 30)
    assert again.account_id == ACCOUNT
    assert await store.lanes.renew([lease], 30) == [lease]


async def test_a_lane_without_work_is_forgotten_at_once(store: Store) -> None:
    """When its last job leaves and nobody holds it."""
    job = new_job()
    await bound(store, job)
    await store.jobs.change(job.id, on(Returned(ticket=None, reason="r")))
    assert await store.lanes.claim("a", 9, 30) == []


async def test_a_held_lane_without_work_stays_its_owners(store: Store) -> None:
    """It can be renewed and gets new work; a release forgets it."""
    job, later = new_job(), new_job()
    await bound(store, job)
    lease = await held(store)
    await store.jobs.change(job.id, on(Returned(ticket=None, reason="r")))
    assert await store.lanes.renew([lease], 30) == []
    await bound(store, later)
    assert await store.lanes.claim("b", 9, 30) == []
    await store.jobs.change(later.id, on(Returned(ticket=None, reason="r")))
    await store.lanes.release(lease)
    assert await store.lanes.renew([lease], 30) == [lease]
    await bound(store, new_job())
    assert len(await store.lanes.claim("b", 9, 30)) == 1


async def test_an_abandoned_lane_without_work_is_forgotten(store: Store) -> None:
    """When its lease has ended; the token is gone then."""
    job = new_job()
    await bound(store, job)
    (lease,) = await store.lanes.claim("a", 1, 0.03)
    await store.jobs.change(job.id, on(Cancelled()))

    async def is_forgotten() -> bool:
        assert await store.lanes.claim("b", 9, 30) == []
        return list(await store.lanes.renew([lease], 0.03)) == [lease]

    # Slower than the lease, which each look renews while the lane is still the owner's.
    await wait_until(is_forgotten, interval_s=0.05)


async def test_the_load_counts_ours_and_foreign_by_kind(store: Store) -> None:
    """Unsettled and owed jobs count, those back in the queue do not; an unknown account has no load."""
    unsettled, owed, back = new_job(), new_job(), new_job()
    image = new_job(kind=MediaKind.IMAGE)
    await bound(store, unsettled, back, image)
    await running(store, owed)
    await store.jobs.change(unsettled.id, on(submitting("t")))
    await store.jobs.change(owed.id, on(Cancelled()))
    await store.jobs.change(back.id, on(Returned(ticket=None, reason="r")))
    lease = await held(store)
    await store.lanes.note_listed(lease, [], {MediaKind.VIDEO: 2, MediaKind.IMAGE: 1}, None)
    await store.lanes.note_listed(lease, [], {MediaKind.IMAGE: 0}, None)
    none = dict.fromkeys(MediaKind, 0)
    assert await store.lanes.load([ACCOUNT, OTHER]) == {
        ACCOUNT: Load(
            ours=none | {MediaKind.VIDEO: 2, MediaKind.IMAGE: 1}, foreign=none | {MediaKind.VIDEO: 2}
        ),
        OTHER: Load(ours=none, foreign=none),
    }
    assert await store.lanes.load([]) == {}


async def test_foreign_tasks_are_forgotten_with_the_lane(store: Store) -> None:
    """What nobody looks at any more must not keep an account closed."""
    job = new_job()
    await bound(store, job)
    lease = await held(store)
    await store.lanes.note_listed(lease, [], {MediaKind.VIDEO: 3}, None)
    await store.jobs.change(job.id, on(Cancelled()))
    await store.lanes.release(lease)
    assert (await store.lanes.load([ACCOUNT]))[ACCOUNT].foreign[MediaKind.VIDEO] == 0


async def test_what_was_listed_is_known_since_its_first_sight(store: Store) -> None:
    """The first sight counts; ids seen later than the asked time are not known then."""
    await bound(store, new_job())
    lease = await held(store)
    await store.lanes.note_listed(lease, ["a", "b"], {}, None)
    first = (await store.lanes.facts(ACCOUNT)).last_observed_at
    assert first is not None

    async def is_later() -> bool:
        await store.lanes.note_listed(lease, ["b", "c"], {}, None)
        observed_at = (await store.lanes.facts(ACCOUNT)).last_observed_at
        return observed_at is not None and observed_at > first + 0.002

    await wait_until(is_later)
    assert await store.lanes.known(ACCOUNT, first + 1000) == {"a", "b", "c"}
    assert await store.lanes.known(ACCOUNT, first + 0.000001) >= {"a", "b"}
    assert await store.lanes.known(ACCOUNT, first - 1) == frozenset()
    assert await store.lanes.known(OTHER, first + 1000) == frozenset()


async def test_facts_outlive_owners(store: Store) -> None:
    """What was learned about the echo stays until something else is learned."""
    assert await store.lanes.facts(ACCOUNT) == LaneFacts(is_marker_echoed=None, last_observed_at=None)
    await bound(store, new_job())
    lease = await held(store)
    for learned, expected in ((None, None), (True, True), (None, True), (False, False)):
        await store.lanes.note_listed(lease, [], {}, learned)
        assert (await store.lanes.facts(ACCOUNT)).is_marker_echoed is expected
    await store.lanes.release(lease)
    assert (await store.lanes.facts(ACCOUNT)).is_marker_echoed is False


async def test_a_look_without_the_lane_is_not_recorded(store: Store) -> None:
    """A late owner cannot overwrite what the present one saw."""
    await bound(store, new_job())
    await held(store)
    with pytest.raises(LeaseLostError):
        await store.lanes.note_listed(
            Lease(account_id=ACCOUNT, token="9:x"), ["a"], {MediaKind.VIDEO: 3}, True
        )
    assert (await store.lanes.facts(ACCOUNT)).last_observed_at is None
    assert (await store.lanes.load([ACCOUNT]))[ACCOUNT].foreign[MediaKind.VIDEO] == 0


async def test_an_orphan_is_bound_to_nobody(store: Store) -> None:
    """No job can adopt it, not even the one it was made for; it counts as taken."""
    job = new_job()
    await bound(store, job)
    await store.jobs.change(job.id, on(submitting("t2")))
    await store.lanes.orphan(ACCOUNT, "task_late", job.id, "t1")
    await store.lanes.orphan(ACCOUNT, "task_late", job.id, "t1")
    assert await store.lanes.owner_of(["task_late", "task_x"]) == {"task_late": job.id}
    with pytest.raises(TakenError):
        await store.jobs.change(job.id, on(Started(ticket="t2", remote_id="task_late")))
    assert await store.lanes.owner_of([]) == {}


async def test_an_orphan_does_not_take_a_bound_task_away(store: Store) -> None:
    """A task that a job has stays its own."""
    job, other = new_job(), new_job()
    await running(store, job, "task_1")
    await store.lanes.orphan(ACCOUNT, "task_1", other.id, "t")
    assert await store.lanes.owner_of(["task_1"]) == {"task_1": job.id}
