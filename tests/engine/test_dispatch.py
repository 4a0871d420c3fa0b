"""Waiting jobs are paired with free slots, fairly, and none blocks the others for a reason of its own."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from sora_gateway.domain.accounts import Account, AccountState, Credential
from sora_gateway.domain.job_events import Bound, Returned
from sora_gateway.domain.jobs import Phase
from sora_gateway.domain.media import MediaKind
from sora_gateway.engine.dispatch import Dispatcher, avoidable, shared_loads
from sora_gateway.engine.hub import Hub
from sora_gateway.engine.tools import NodeTools
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.stores import Load, Store
from tests.conftest_store import accepted, new_job, on
from tests.engine.conftest import ACCOUNT, Clock, asking, eventually, true_soon

OTHER = "scripted:user-2"


async def test_slots_are_filled_and_not_overfilled(store: Store, tools: NodeTools, hub: Hub) -> None:
    """Five videos for three slots: the first three are bound, the others wait until one leaves."""
    jobs = [new_job() for _ in range(5)]
    await accepted(store, *jobs)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(Dispatcher(tools, hub).run())
        for job in jobs[:3]:
            await eventually(store, job.id, lambda j: j.phase is Phase.BOUND)
        waiting = [await store.jobs.get(job.id) for job in jobs[3:]]
        await store.jobs.change(jobs[0].id, on(Returned(ticket=None, reason="x", not_before=4e9)))
        await eventually(store, jobs[3].id, lambda j: j.phase is Phase.BOUND)
        task.cancel()
    assert all(job is not None and job.phase is Phase.QUEUED for job in waiting)


async def test_one_that_avoids_the_only_account_does_not_block(
    store: Store, tools: NodeTools, hub: Hub, clock: Clock
) -> None:
    """A job that avoids the free account is passed by the next one while the account it wants is at rest."""
    account = await store.accounts.get(ACCOUNT)
    assert account is not None
    resting = replace(account, id=OTHER, state=AccountState.COOLING, until=clock() + 1000)
    await store.accounts.put(resting)
    clock.now_s += 2
    picky, easy = new_job(), new_job()
    await accepted(store, picky)
    await store.jobs.change(
        picky.id, on(Bound(account_id=ACCOUNT), Returned(ticket=None, reason="x", avoid=True))
    )
    await accepted(store, easy)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(Dispatcher(tools, hub).run())
        await eventually(store, easy.id, lambda j: j.phase is Phase.BOUND)
        still = await store.jobs.get(picky.id)
        task.cancel()
    assert still is not None
    assert still.phase is Phase.QUEUED


async def test_nothing_starts_while_the_store_is_out_of_step(
    store: Store, tools: NodeTools, hub: Hub
) -> None:
    """After a regression nothing is bound until it has been seen to."""
    hub.regressed.set()
    job = new_job()
    await accepted(store, job)
    dispatcher = Dispatcher(tools, hub)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(dispatcher.run())
        await true_soon(lambda: not dispatcher._woken.is_set())
        held = await store.jobs.get(job.id)
        hub.regressed.clear()
        dispatcher._woken.set()
        await eventually(store, job.id, lambda j: j.phase is Phase.BOUND)
        task.cancel()
    assert held is not None
    assert held.phase is Phase.QUEUED


async def test_avoiding_all_is_avoiding_none(store: Store, tools: NodeTools) -> None:
    """With a single account there is nowhere else to go: it is asked again, as often as the rules allow."""
    accounts = await store.accounts.all()
    job = replace(new_job(kind=MediaKind.VIDEO), avoid=(ACCOUNT,))
    assert avoidable(job, accounts) == ()
    assert avoidable(job, [*accounts, replace(accounts[0], id=OTHER)]) == (ACCOUNT,)


@pytest.mark.parametrize("needed", ["scripted:gone", ACCOUNT])
async def test_a_job_whose_only_account_was_removed(
    store: Store, tools: NodeTools, hub: Hub, clock: Clock, needed: str
) -> None:
    """It fails after a while; one whose account is there goes on."""
    job = asking(new_job(), account_id=needed)
    await accepted(store, job)
    clock.now_s = job.updated_at + tools.config.account_gone_s
    async with asyncio.TaskGroup() as group:
        task = group.create_task(Dispatcher(tools, hub).run())
        after = await eventually(store, job.id, lambda j: j.phase is not Phase.QUEUED)
        task.cancel()
    assert after.phase is (Phase.BOUND if needed == ACCOUNT else Phase.FAILED)
    assert needed == ACCOUNT or (after.error is not None and after.error.code == "no_account")


async def test_two_records_of_one_user_share_its_slots(
    store: Store, tools: NodeTools, hub: Hub, clock: Clock
) -> None:
    """What runs on a caller's own account is taken from the same account of the pool."""
    account = await store.accounts.get(ACCOUNT)
    assert account is not None
    own = replace(account, id="scripted:own-user-1", owner="passthrough:scripted:user-1")
    await store.accounts.put(own)
    clock.now_s += 2
    running, waiting = [new_job() for _ in range(2)], [new_job() for _ in range(2)]
    await accepted(store, *running)
    for job in running:
        await store.jobs.bind(job.id, on(Bound(account_id=own.id)), own.id, 3)
    await accepted(store, *waiting)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(Dispatcher(tools, hub).run())
        await eventually(store, waiting[0].id, lambda j: j.phase is Phase.BOUND)
        picture = new_job(kind=MediaKind.IMAGE, signature="pictures")
        await accepted(store, picture)
        await eventually(store, picture.id, lambda j: j.phase is Phase.BOUND)
        task.cancel()
    phases = [job.phase for one in waiting if (job := await store.jobs.get(one.id)) is not None]
    assert phases == [Phase.BOUND, Phase.QUEUED]


def test_what_the_list_has_shown_counts_once() -> None:
    """The other record's tasks are foreign ones here as soon as the list is read."""
    secret = Credential(access_token=Secret("t"))
    pool = Account(id=ACCOUNT, upstream="scripted", backend_id="user-1", credential=secret)
    own = replace(pool, id="scripted:own-user-1", owner="passthrough:scripted:user-1")
    kind = MediaKind.VIDEO
    loads = {
        pool.id: Load(ours={kind: 1}, foreign={kind: 1}),
        own.id: Load(ours={kind: 2}, foreign={kind: 1}),
    }
    assert shared_loads([pool, own], loads) == {**loads, pool.id: Load(ours={kind: 1}, foreign={kind: 2})}
    assert shared_loads([pool], loads) == loads
