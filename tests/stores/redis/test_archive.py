"""Prove that a crash in the middle of archiving costs nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import Cancelled, Deleted
from sora_gateway.domain.media import MediaKind
from sora_gateway.kit.clock import system_now
from sora_gateway.ports.stores import Lease, LeaseLostError, Store
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.archive import Archive
from sora_gateway.stores.redis.codec import JOBS
from sora_gateway.stores.redis.connection import Command, Connection, connect
from sora_gateway.stores.redis.scripting import Script
from tests.conftest_store import ACCOUNT, bound, cancelled, completed, held, new_job, on

FAR = 4_000_000_000.0


@pytest.fixture
async def admin(server_path: Path) -> AsyncIterator[Connection]:
    """A way to the server that does not go through the store."""
    connection = connect(f"unix://{server_path}")
    yield connection
    await connection.aclose()


class _DiesBeforeRemoval:
    """A connection whose process dies between the copy and the removal."""

    def __init__(self, connection: Connection) -> None:
        self.call = connection.call
        self.pipeline = connection.pipeline

    async def run(self, script: Script, names: object, args: Command) -> object:
        raise GatewayError(ErrorKind.STORE_UNAVAILABLE, "dead")


async def test_a_crash_between_copy_and_removal_is_repaired(store: Store, admin: Connection) -> None:
    """The job is in both places; it is read, changed and archived again as one job."""
    job = new_job()
    await completed(store, job, FAR)
    with pytest.raises(GatewayError):
        await Archive(_DiesBeforeRemoval(admin), system_now).move(5)  # type: ignore[arg-type]
    assert await admin.call("EXISTS", keys.job(job.id), keys.archived(job.id)) == 2
    page = await store.jobs.page("lic_a", after=None, limit=5, ascending=True, kind=MediaKind.VIDEO)
    assert page is not None
    assert [it.id for it in page.jobs] == [job.id]
    _, after = await store.jobs.change(job.id, on(Deleted()))
    assert await store.jobs.get(job.id) == after
    assert await store.jobs.archive(5) == 1
    assert await admin.call("EXISTS", keys.job(job.id)) == 0
    assert await store.jobs.get(job.id) == after


async def test_an_older_copy_never_replaces_a_newer_one(store: Store, admin: Connection) -> None:
    """A node that was asleep while the job was archived and changed does no harm."""
    job = new_job()
    await cancelled(store, job)
    stale = await admin.call("HMGET", keys.job(job.id), "v", "w", "j")
    await store.jobs.archive(1)
    _, after = await store.jobs.change(job.id, on(Deleted()))
    await admin.call("HSET", keys.job(job.id), "v", stale[0], "w", stale[1], "j", stale[2])
    await admin.call("SADD", keys.FINALS, job.id)
    await store.jobs.archive(1)
    assert await store.jobs.get(job.id) == after


async def test_a_job_that_changes_while_it_is_copied_stays(store: Store, admin: Connection) -> None:
    """Removal needs the very version that was copied."""
    job = new_job()
    await cancelled(store, job)

    class _ChangesInBetween:
        call = admin.call
        pipeline = admin.pipeline

        async def run(self, script: Script, names: tuple[str, ...], args: Command) -> object:
            await store.jobs.change(job.id, on(Deleted()))
            return await admin.run(script, names, args)

    assert await Archive(_ChangesInBetween(), system_now).move(5) == 0  # type: ignore[arg-type]
    stored = await store.jobs.get(job.id)
    assert stored is not None
    assert stored.deleted_at is not None
    assert await store.jobs.archive(5) == 1


async def test_lists_lose_what_the_archive_has_forgotten(store: Store, admin: Connection) -> None:
    """Old entries without a job go away with later moves; those with one stay."""
    long_ago = system_now() - 40 * 86400
    gone, kept, new = (new_job(created_at=long_ago + i) for i in range(3))
    await cancelled(store, gone, kept)
    await store.jobs.archive(5)
    await admin.call("DEL", keys.archived(gone.id))
    await cancelled(store, new)
    await store.jobs.archive(5)
    listed = await admin.call("ZRANGE", keys.owned("lic_a", MediaKind.VIDEO), 0, -1)
    assert listed == [kept.id, new.id]


async def test_an_archived_job_is_changed_under_the_lease_only(store: Store) -> None:
    """As a living one."""
    job = new_job()
    await cancelled(store, job)
    await store.jobs.archive(1)
    await bound(store, new_job())
    lease = await held(store)
    with pytest.raises(LeaseLostError):
        await store.jobs.change(job.id, on(Deleted()), lease=Lease(account_id=ACCOUNT, token="x"))
    _, after = await store.jobs.change(job.id, on(Deleted()), lease=lease)
    assert after.deleted_at is not None


async def test_a_job_forgotten_meanwhile_is_not_found(store: Store, admin: Connection) -> None:
    """When its thirty days end while it is being changed."""
    job = replace(new_job(), version=3)
    assert await Archive(admin, system_now).change(job, job, "w", None) == ["gone"]
    await cancelled(store, living := new_job())
    await admin.call("DEL", keys.job(living.id))
    assert await store.jobs.archive(5) == 0
    with pytest.raises(GatewayError):
        await store.jobs.change(living.id, on(Cancelled()))


async def test_the_archived_record_is_one_key(store: Store, admin: Connection) -> None:
    """With its version, its JSON and its events."""
    job = new_job()
    await cancelled(store, job)
    await store.jobs.archive(1)
    record = await admin.call("HGETALL", keys.archived(job.id))
    assert set(record) == {"v", "w", "j", "e"}
    assert int(record["v"]) == JOBS.decode(record["j"]).version
    assert len(record["e"].split("\n")) == 2
