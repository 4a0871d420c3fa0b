"""Pair waiting jobs with free slots of accounts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sora_gateway.accounts.choice import admission, choose
from sora_gateway.domain.accounts import Account
from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.job_events import Bound, Failed
from sora_gateway.domain.jobs import Job, Phase
from sora_gateway.domain.media import MediaKind
from sora_gateway.engine.hub import Hub
from sora_gateway.engine.tools import REMOVED, NodeTools
from sora_gateway.ports.stores import FeedEntry, Load
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

_EVERY_S = 1.0
_HEADS = 16


def avoidable(job: Job, accounts: Sequence[Account]) -> tuple[str, ...]:
    """Return the accounts that the job may avoid: none, once it would have to avoid all that can run it."""
    able = {account.id for account in accounts if admission(job.request, [account]) is None}
    return () if able <= set(job.avoid) else job.avoid


def shared_loads(accounts: Sequence[Account], loads: Mapping[str, Load]) -> dict[str, Load]:
    """Return the loads with what runs on other records of the same backend user.

    The backend counts by user: jobs of a caller's own account and of the same one in the pool share its
    slots. The lists of one lane show the other's tasks as foreign, but only once they are read.
    """
    records: dict[tuple[str, str], list[Account]] = {}
    for account in accounts:
        records.setdefault((account.upstream, account.backend_id), []).append(account)
    shared = dict(loads)
    for same in records.values():
        for account in same if len(same) > 1 else ():
            others = [loads.get(other.id, _NOTHING).ours for other in same if other.id != account.id]
            shared[account.id] = _beside(loads.get(account.id, _NOTHING), others)
    return shared


def _beside(load: Load, others: Sequence[Mapping[MediaKind, int]]) -> Load:
    kinds = {*load.foreign, *(kind for ours in others for kind in ours)}
    foreign = {
        kind: max(load.foreign.get(kind, 0), sum(ours.get(kind, 0) for ours in others)) for kind in kinds
    }
    return replace(load, foreign=foreign)


_NOTHING = Load(ours={}, foreign={})


class Dispatcher:
    """Any node may run it; the store lets one of them win each job."""

    def __init__(self, tools: NodeTools, hub: Hub) -> None:
        self._tools = tools
        self._woken = asyncio.Event()
        self._hub = hub
        hub.listen(self._heard, self._woken.set)

    def _heard(self, entry: FeedEntry) -> None:
        # A job came to wait, or one may have freed its slot.
        if entry.job.phase is Phase.QUEUED or entry.job.lane is None:
            self._woken.set()

    async def run(self) -> None:
        """Pair for ever: at once when something changed, and every second for what time brings."""
        while True:
            try:
                while self._hub.is_in_step and await self._round():
                    pass
            except GatewayError as error:
                log.warning("cannot dispatch", error=error.message)
            try:
                async with asyncio.timeout(_EVERY_S):
                    await self._woken.wait()
            except TimeoutError:
                continue
            finally:
                self._woken.clear()

    async def _round(self) -> bool:
        """Try the fair first of each queue once; tell whether anything was bound."""
        heads = await self._tools.jobs.heads(_HEADS)
        if not heads:
            return False
        accounts = await self._tools.pool.all()
        loads = dict(await self._tools.lanes.load([account.id for account in accounts]))
        has_bound = False
        full: set[str] = set()
        for head in heads:
            if head.signature in full:
                continue
            job = await self._tools.jobs.get(head.job_id)
            if job is None or job.phase is not Phase.QUEUED:
                continue
            bound = await self._bind(job, accounts, loads)
            if bound is not None:
                has_bound = True
                loads |= await self._tools.lanes.load([bound.account_id or ""])
            elif not job.avoid:
                # The queue is fair: nobody behind one that finds no place may pass it. One that avoids
                # accounts is passed, its reason is its own.
                full.add(head.signature)
        return has_bound

    async def _bind(self, job: Job, accounts: Sequence[Account], loads: Mapping[str, Load]) -> Job | None:
        avoid = avoidable(job, accounts)
        shared = shared_loads(accounts, loads)
        for account in choose(job.request, accounts, shared, self._tools.now(), avoid):
            decide = self._tools.records.decision(Bound(account_id=account.id))
            # The store counts what the list has shown; what it has not shown yet leaves fewer slots.
            seen, taken = (
                each.get(account.id, _NOTHING).foreign.get(job.kind, 0) for each in (loads, shared)
            )
            slots = account.room(job.kind) - (taken - seen)
            bound = await self._tools.jobs.bind(job.id, decide, account.id, slots)
            if bound is not None:
                log.info("job bound", job_id=job.id, account_id=account.id)
                return bound
        needed = job.request.account_id
        if needed is not None and all(account.id != needed for account in accounts):
            await self._give_up(job, needed)
        return None

    async def _give_up(self, job: Job, account_id: str) -> None:
        """End a job whose only account was removed and did not come back."""
        is_gone = self._tools.now() - job.updated_at >= self._tools.config.account_gone_s
        if is_gone and await self._tools.pool.fresh(account_id) is None:
            log.warning("the job's account was removed", job_id=job.id, account_id=account_id)
            await self._tools.records.apply(job.id, Failed(error=REMOVED, is_over_at_backend=True))
