"""Prove on the keys themselves that indices follow from the jobs and that nothing stays behind."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sora_gateway.domain.job_events import (
    BecameAmbiguous,
    Bound,
    Cancelled,
    Completed,
    Deleted,
    JobEvent,
    Progressed,
    Released,
    Returned,
    Started,
    Succeeded,
)
from sora_gateway.domain.jobs import Job, Phase
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.remote import RemoteOutput
from sora_gateway.kit.clock import system_now
from sora_gateway.ports.stores import Store, TakenError, TwinError
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.cipher import FernetCipher
from sora_gateway.stores.redis.codec import JOBS
from sora_gateway.stores.redis.connection import Connection, connect
from sora_gateway.stores.redis.placement import place
from sora_gateway.stores.redis.store import RedisStore
from tests.conftest_store import (
    ACCOUNT,
    SIGNATURE,
    accepted,
    cancelled,
    completed,
    new_job,
    new_output,
    on,
    running,
    submitting,
)

FAR = 4_000_000_000.0
ACCOUNTS = (ACCOUNT, "sora_web:user-2")


@pytest.fixture
async def admin(server_path: Path) -> AsyncIterator[Connection]:
    """A way to the server that does not go through the store."""
    connection = connect(f"unix://{server_path}")
    yield connection
    await connection.aclose()


async def living(admin: Connection) -> list[Job]:
    """Return all living jobs by scanning for their records."""
    names = await admin.call("KEYS", keys.job("*"))
    return [JOBS.decode(await admin.call("HGET", name, "j")) for name in names]


async def check_indices(admin: Connection) -> None:
    """Compare every index with what the jobs themselves say."""
    jobs = await living(admin)
    places = {job.id: place(job) for job in jobs}

    async def members(key: str) -> set[str]:
        return set(await admin.call("ZRANGE", key, 0, -1))

    def those(condition: Callable[[Job], bool]) -> set[str]:
        return {job.id for job in jobs if condition(job)}

    assert await members(keys.WAITING) == those(lambda job: job.phase is Phase.QUEUED)
    assert await members(keys.COLLECT) == those(lambda job: job.phase is Phase.COLLECTING)
    assert await members(keys.DEADLINES) == those(lambda job: places[job.id].deadline_at is not None)
    assert await members(keys.RETENTION) == those(lambda job: places[job.id].retention_at is not None)
    assert set(await admin.call("SMEMBERS", keys.FINALS)) == those(lambda job: places[job.id].is_to_archive)
    assert set(await admin.call("HKEYS", keys.TAGS)) == those(lambda job: not job.is_final)
    for signature in {job.signature for job in jobs}:
        queued = await members(keys.queue(signature)) | await members(keys.delayed(signature))
        waiting = {job.id for job in jobs if job.phase is Phase.QUEUED and job.signature == signature}
        assert queued == waiting
    work: Counter[str] = Counter()
    for account in ACCOUNTS:
        ours = {job.id for job in jobs if job.lane == account}
        assert set(await admin.call("SMEMBERS", keys.lane(account))) == ours
        open_ = await admin.call("HGETALL", keys.unsettled(account))
        expected = {places[job.id].unsettled: job.id for job in jobs if job.id in ours}
        expected.pop(None, None)
        assert open_ == expected
    for job in jobs:
        if job.lane is not None:
            work.update([job.lane, f"{job.kind.value} {job.lane}"])
    counted = await admin.call("HGETALL", keys.WORK)
    assert {field: int(count) for field, count in counted.items()} == dict(work)
    assert await members(keys.LANES) == {job.lane for job in jobs} - {None}


def random_event(chooser: random.Random, job: Job) -> JobEvent:
    """Return any event, with the current ticket where one is needed."""
    ticket = job.attempt.ticket if job.attempt is not None else "none"
    endings: list[JobEvent] = [Cancelled(), Deleted(), Released(reason="r")]
    events: list[JobEvent] = [
        Bound(account_id=chooser.choice(ACCOUNTS)),
        submitting(f"t{chooser.random()}", fingerprint=f"f{chooser.randrange(2)}"),
        Returned(ticket=None, reason="r", not_before=chooser.choice([0.0, FAR])),
        Returned(ticket=ticket, reason="r", not_before=chooser.choice([0.0, FAR])),
        BecameAmbiguous(ticket=ticket, reason="r", counts_from=0.0),
        Started(ticket=ticket, remote_id=f"r{chooser.randrange(10)}"),
        Progressed(progress=chooser.random()),
        Succeeded(outputs=(RemoteOutput(index=0, url="u"),)),
        Completed(outputs=(new_output(),), expires_at=FAR),
        chooser.choice(endings),
    ]
    return chooser.choice(events)


@pytest.mark.parametrize("seed", range(4))
async def test_indices_follow_from_the_jobs_whatever_happens(
    store: Store, admin: Connection, seed: int
) -> None:
    """Random events on random jobs; after each few, every index is what the jobs say."""
    chooser = random.Random(seed)
    jobs = [new_job(signature=chooser.choice("st"), kind=chooser.choice(list(MediaKind))) for _ in range(30)]
    await accepted(store, *jobs)
    refused = 0
    for step in range(600):
        job_id = chooser.choice(jobs).id
        current = await store.jobs.get(job_id)
        assert current is not None
        try:
            await store.jobs.change(job_id, on(random_event(chooser, current)))
        except (TwinError, TakenError):
            refused += 1
        if step % 10 == 0:
            await store.jobs.heads(3)
            await check_indices(admin)
    await check_indices(admin)
    assert refused


async def test_nothing_of_an_archived_job_stays_in_the_living_state(store: Store, admin: Connection) -> None:
    """Beside its place in the owner's list, its retention and its remote id, which outlive it."""
    jobs = [new_job(), new_job()]
    for i, job in enumerate(jobs):
        await completed(store, job, FAR, f"task_{i}")
    assert await store.jobs.archive(9) == 2
    await store.jobs.heads(1)
    left = set(await admin.call("KEYS", "{gw}*"))
    assert left == {
        *(keys.FEED, keys.RETENTION, keys.VIRTUAL, keys.owned("lic_a", MediaKind.VIDEO)),
        *(keys.bound("task_0"), keys.bound("task_1")),
    }


async def test_what_must_be_forgotten_has_an_end(store: Store, admin: Connection) -> None:
    """Remote ids live 48 hours, archived jobs 30 days or a week longer than their results."""
    job, long = new_job(), new_job()
    await completed(store, job, 10.0, "task_1")
    await completed(store, long, FAR, "task_2")
    await store.jobs.archive(9)
    await store.jobs.change(job.id, on(Deleted()))
    assert 48 * 3600 - 60 <= await admin.call("TTL", keys.bound("task_1")) <= 48 * 3600
    assert 30 * 86400 - 60 <= await admin.call("TTL", keys.archived(job.id)) <= 30 * 86400
    assert await admin.call("TTL", keys.archived(long.id)) > 365 * 86400


async def test_an_owner_is_not_charged_for_what_he_cancelled(store: Store) -> None:
    """Once nobody waits any more, all are equal again."""
    jobs = [new_job(owner="lic_many") for _ in range(50)]
    await accepted(store, *jobs)
    for job in jobs:
        await store.jobs.change(job.id, on(Cancelled()))
    again, other = new_job(owner="lic_many"), new_job(owner="lic_other")
    await accepted(store, again, other)
    assert [head.job_id for head in await store.jobs.heads(2)] == [again.id, other.id]


async def test_the_memory_of_tags_does_not_grow(store: Store, admin: Connection) -> None:
    """An owner whose jobs were all served needs no entry."""
    for i in range(30):
        job = new_job(owner=f"lic_{i}")
        await accepted(store, job)
        await store.jobs.bind(job.id, on(Bound(account_id=ACCOUNT)), ACCOUNT, 99)
    assert await admin.call("ZCARD", keys.last_tags(SIGNATURE)) == 0


async def test_a_job_whose_results_nobody_remembers_is_no_longer_due(store: Store, admin: Connection) -> None:
    """An entry of the retention list without its job, or without blobs, goes away."""
    emptied = new_job()
    await completed(store, emptied, 10.0)
    await store.jobs.forget_blobs(emptied.id)
    await admin.call("ZADD", keys.RETENTION, 1, "job_gone", 1, emptied.id)
    assert await store.jobs.expired(5) == []
    assert await admin.call("ZCARD", keys.RETENTION) == 0


async def test_a_collect_time_from_a_clock_that_jumped_back_is_due(store: Store, admin: Connection) -> None:
    """A day ahead cannot be meant."""
    await admin.call("ZADD", keys.COLLECT, FAR, "job_x")
    assert await store.jobs.claim_collects(5, 60) == ["job_x"]
    assert await store.jobs.claim_collects(5, 60) == []


async def test_events_are_capped(store: Store) -> None:
    """The last 512 are kept, across archiving too."""
    job = new_job()
    await accepted(store, job)
    await store.jobs.change(job.id, lambda it: replace(it, version=2, seq=600))
    await store.jobs.change(job.id, on(Cancelled()))
    for _ in range(2):
        events = await store.jobs.events_after(job.id, 0)
        assert [event.seq for event in events] == list(range(90, 602))
        await store.jobs.archive(1)


async def test_a_bind_for_another_account_than_asked_binds_nothing(store: Store) -> None:
    """The slot that is checked is the slot that is taken."""
    job = new_job()
    await accepted(store, job)
    assert await store.jobs.bind(job.id, on(Bound(account_id="sora_web:user-2")), ACCOUNT, 1) is None


async def test_a_record_of_another_version_of_the_gateway_is_changed_whole(
    store: Store, admin: Connection
) -> None:
    """A living record without the newer fields is read, changed and stored again."""
    job = new_job()
    await accepted(store, job)
    text = JOBS.encode(job).replace('"tries":0,', "")
    await admin.call("HSET", keys.job(job.id), "j", text)
    _, after = await store.jobs.change(job.id, on(Bound(account_id=ACCOUNT)))
    assert after.tries == 1


async def test_the_place_at_acceptance_is_told_once(store: Store) -> None:
    """Without a round trip, to whoever asks right after it; the next one gets the present place."""
    now_s = system_now()
    first, second = new_job(created_at=now_s), new_job(created_at=now_s)
    await accepted(store, first, second)
    await cancelled(store, first)
    assert [await store.jobs.queue_position(second) for _ in range(2)] == [2, 1]


async def calls_of(admin: Connection) -> int:
    """Return how many scripts and reads of records the server was sent so far."""
    stats = await admin.call("INFO", "commandstats")
    return sum(int(stats.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("evalsha", "eval", "hget"))


async def test_a_job_that_was_loaded_is_changed_without_being_read(store: Store, admin: Connection) -> None:
    """The script tells whether it is still what it was: each change is one call with nothing before it."""
    job = new_job()
    await running(store, job)
    await store.jobs.lane_jobs(ACCOUNT)
    first, _ = await store.jobs.change(
        job.id, on(Progressed(progress=0.01))
    )  # the script is known from here on
    await admin.call("CONFIG", "RESETSTAT")
    for percent in range(2, 12):
        await store.jobs.change(job.id, on(Progressed(progress=percent / 100)))
    assert await calls_of(admin) == 10
    found = await store.jobs.get(job.id)
    assert found is not None
    assert (found.percent, found.version) == (11, first.version + 11)


async def test_what_another_node_wrote_is_seen_before_the_next_change(
    store: Store, server_path: Path, admin: Connection
) -> None:
    """Whether a change follows from the job as it was taken for, or none does."""
    job = new_job()
    await running(store, job)
    async with RedisStore(connect(f"unix://{server_path}"), cipher=FernetCipher(["test key"])) as other:
        assert [it.percent for it in await other.jobs.lane_jobs(ACCOUNT)] == [0]
        await store.jobs.change(job.id, on(Progressed(progress=0.5)))
        before, after = await other.jobs.change(job.id, on(Progressed(progress=0.6)))
        assert (before.percent, after.percent) == (50, 60)
        await store.jobs.change(job.id, on(Progressed(progress=0.7)))
        before, after = await other.jobs.change(job.id, lambda it: it)
        assert (before.percent, after.percent) == (70, 70)
        assert [it.percent for it in await other.jobs.lane_jobs(ACCOUNT)] == [70]
    await check_indices(admin)


async def test_a_version_that_was_written_twice_is_not_taken_for_the_first(
    store: Store, server_path: Path, admin: Connection
) -> None:
    """A store that lost writes counts the same versions again, with something else in them."""
    job = new_job()
    await running(store, job)
    kept = await admin.call("HGETALL", keys.job(job.id))
    _, lost = await store.jobs.change(job.id, on(Progressed(progress=0.9)))
    await admin.call("HSET", keys.job(job.id), *[part for pair in kept.items() for part in pair])
    async with RedisStore(connect(f"unix://{server_path}"), cipher=FernetCipher(["test key"])) as other:
        _, again = await other.jobs.change(job.id, on(Progressed(progress=0.2)))
    assert again.version == lost.version
    before, after = await store.jobs.change(job.id, on(Progressed(progress=0.3)))
    assert (before.percent, after.percent) == (20, 30)
