"""Waiting jobs are paired with free slots, fairly, and none blocks the others for a reason of its own."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from sora_gateway.domain.accounts import AccountState
from sora_gateway.domain.jobs import Bound, Phase, Returned
from sora_gateway.domain.media import MediaKind
from sora_gateway.engine.dispatch import Dispatcher, avoidable
from sora_gateway.engine.hub import Hub
from sora_gateway.engine.tools import NodeTools
from sora_gateway.ports.stores import Store
from tests.conftest_store import accepted, new_job, on
from tests.engine.conftest import ACCOUNT, Clock, eventually, true_soon

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
