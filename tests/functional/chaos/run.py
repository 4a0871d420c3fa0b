"""Run a plan: callers ask, things break, and in the end all ledgers are read."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx2
from redis.asyncio import Redis
from redis.exceptions import RedisError

from sora_gateway.domain.jobs import Phase
from sora_gateway.kit.clock import boottime, system_now
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.codec import JOBS
from tests.functional.chaos import books
from tests.functional.chaos.callers import Caller, Street
from tests.functional.chaos.gate import gate
from tests.functional.chaos.plan import Action, Plan, What
from tests.functional.chaos.records import Cut, Findings
from tests.functional.chaos.world import Node, World, foreign_twin, world
from tests.functional.harness import until

_CUT_BACK_S = 2.0
_TELL_EVERY_S = 5.0
_QUIET_S = 2.0
_CONTROL_S = 60.0

Tell = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a run came to: everything for the auditor, and numbers for people."""

    findings: Findings
    done: Counter[str]
    troubles: dict[str, int]
    strange: dict[str, int]
    took_s: float
    unasked_ends: int


@dataclass(slots=True, kw_only=True)
class _Conductor:
    """Does what the plan says, to whom it can be done."""

    world: World
    dice: random.Random
    group: asyncio.TaskGroup
    done: Counter[str] = field(default_factory=Counter)
    cuts: list[Cut] = field(default_factory=list)
    armed: list[Action] = field(default_factory=list)
    store_lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def do(self, action: Action) -> None:
        """Break one thing, and mend it."""
        match action.what:
            case What.KILL:
                await (await self._victim(action.node)).kill(action.for_s)
            case What.STOP:
                await (await self._victim(action.node)).stop(action.for_s)
            case What.STOP_AT_DOOR | What.KILL_AT_DOOR:
                self.armed.append(action)
                return
            case What.RESTART_STORE | What.KILL_STORE | What.CUT_STORE:
                async with self.store_lock:
                    await self._break_store(action)
            case What.FAULT:
                await self._control("POST", "/simulator/faults", dict(action.fault))
            case What.TWIN:
                for row in self.dice.sample(self.world.accounts, 3):
                    await foreign_twin(self.world, row["access_token"], action.prompt, action.seconds)
        self.done[action.what] += 1

    async def _victim(self, wanted: int) -> Node:
        nodes = self.world.nodes[wanted:] + self.world.nodes[:wanted]
        while True:
            for node in nodes:
                if node.is_up and not node.lock.locked():
                    return node
            await asyncio.sleep(0.05)

    async def _break_store(self, action: Action) -> None:
        store = self.world.store
        if action.what is What.CUT_STORE:
            lost = await store.cut(_CUT_BACK_S, action.for_s)
            self.cuts += [lost] if lost is not None else []
        else:
            number = signal.SIGKILL if action.what is What.KILL_STORE else signal.SIGTERM
            await store.restart(number, action.for_s)

    async def lift_faults(self) -> None:
        """Let the backend be well again."""
        await self._control("DELETE", "/simulator/faults", None)
        self.armed.clear()

    async def _control(self, method: str, path: str, body: object) -> None:
        async with httpx2.AsyncClient(base_url=self.world.simulator.url, timeout=_CONTROL_S) as client:
            (await client.request(method, path, json=body)).raise_for_status()

    async def at_door(self, account_id: str, port: int) -> None:
        """Strike the node that is about to create something on this account, if that is due."""
        if not self.armed or not await self._is_submitting(account_id):
            return
        free = [node for node in self.world.nodes if node.is_up and not node.lock.locked()]
        node = next((one for one in free if one.has_port(port)), None)
        if node is None or not self.armed:
            return
        action = self.armed.pop(0)
        if action.what is What.STOP_AT_DOOR:
            self.group.create_task(node.stop(action.for_s))
        else:
            self.group.create_task(node.kill(action.for_s))
        await asyncio.sleep(0)  # the task has begun, and with it the blow has fallen
        assert not node.is_up
        self.done[action.what] += 1

    async def _is_submitting(self, account_id: str) -> bool:
        with contextlib.suppress(RedisError, OSError):
            async with Redis.from_url(self.world.store.url, decode_responses=True) as client:
                for job_id in await client.hvals(keys.unsettled(account_id)):
                    text = await client.hget(keys.job(job_id), "j")
                    job = JOBS.decode(text) if text else None
                    if job is None or job.phase is not Phase.SUBMITTING or job.attempt is None:
                        continue
                    if system_now() - job.attempt.written_at < 1.0:
                        return True
        return False


async def run(
    plan: Plan,
    folder: Path,
    *,
    tell: Tell,
    accounts: int,
    drain_s: float,
    is_lagging: bool = False,
) -> Outcome:
    """Run ``plan`` in ``folder`` and read all ledgers; after the last wish, jobs have ``drain_s`` to end."""
    began = boottime()
    async with world(folder, accounts=accounts, is_lagging=is_lagging) as place, AsyncExitStack() as stack:
        street = Street(place, random.Random(plan.seed + 1))
        stack.push_async_callback(street.aclose)
        async with _conducting(plan, place, stack) as conductor:
            callers = [Caller(wish, street) for wish in plan.wishes]
            tell(f"ready after {boottime() - began:.0f} s")
            street.begin()
            await _act(plan, conductor, street, callers, tell, drain_s)
        await _settled(place, drain_s)
        findings = Findings(
            told=tuple(caller.told for caller in callers),
            made=await books.made(place),
            kept=await books.kept(place, street),
            accounts=await books.accounts(place, street),
            cuts=tuple(conductor.cuts),
            leftovers=await books.leftovers(place),
            is_lagging=is_lagging,
        )
        return Outcome(
            findings=findings,
            done=conductor.done,
            troubles=books.troubles(place),
            strange=dict(street.strange),
            took_s=boottime() - began,
            unasked_ends=sum(node.unasked_ends for node in place.nodes),
        )


@asynccontextmanager
async def _conducting(plan: Plan, place: World, stack: AsyncExitStack) -> AsyncIterator[_Conductor]:
    async with asyncio.TaskGroup() as group:
        conductor = _Conductor(world=place, dice=random.Random(plan.seed + 2), group=group)
        ports = [
            await stack.enter_async_context(gate(partial(conductor.at_door, account)))
            for account in place.gated
        ]
        await place.enrol(max(4, plan.size.jobs // 15), ports)
        yield conductor


async def _act(
    plan: Plan, conductor: _Conductor, street: Street, callers: list[Caller], tell: Tell, drain_s: float
) -> None:
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(caller.live()) for caller in callers]
        teller = group.create_task(_telling(callers, conductor, tell, street))
        async with asyncio.TaskGroup() as breaking:
            for action in plan.actions:
                await street.wait_until(action.at_s)
                breaking.create_task(conductor.do(action))
        await street.wait_until(plan.size.over_s)
        await conductor.lift_faults()
        await conductor.world.release_accounts()
        _, late = await asyncio.wait(asking, timeout=drain_s)
        for task in (*late, teller):
            task.cancel()


async def _telling(callers: list[Caller], conductor: _Conductor, tell: Tell, street: Street) -> None:
    while True:
        await asyncio.sleep(_TELL_EVERY_S)
        ended = sum(caller.told.end is not None for caller in callers)
        asked = sum(caller.told.asked_at > 0 for caller in callers)
        done = conductor.done
        store = done[What.RESTART_STORE] + done[What.KILL_STORE]
        tell(
            f"{boottime() - street.began_at:6.0f} s  jobs {ended} of {asked} ended  kills {done[What.KILL]}"
            f"  stops {done[What.STOP]}  at the door {done[What.STOP_AT_DOOR] + done[What.KILL_AT_DOOR]}"
            f"  store {store}  cuts {done[What.CUT_STORE]}  faults {done[What.FAULT]}"
        )


async def _settled(place: World, within_s: float) -> None:
    """Wait until nothing is under way any more, and then a little: late calls would still show."""
    with contextlib.suppress(AssertionError):
        await until(
            partial(books.is_quiet, place), timeout_s=within_s, what="nothing to be under way any more"
        )
    await asyncio.sleep(_QUIET_S)
