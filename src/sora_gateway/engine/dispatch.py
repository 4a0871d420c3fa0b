"""Pair waiting jobs with free slots of accounts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from sora_gateway.accounts.choice import admission, choose
from sora_gateway.domain.accounts import Account
from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.jobs import Bound, Job, Phase
from sora_gateway.engine.hub import Hub
from sora_gateway.engine.tools import NodeTools
from sora_gateway.ports.stores import FeedEntry, Load
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

_EVERY_S = 1.0
_HEADS = 16


def avoidable(job: Job, accounts: Sequence[Account]) -> tuple[str, ...]:
    """Return the accounts that the job may avoid: none, once it would have to avoid all that can run it."""
    able = {account.id for account in accounts if admission(job.request, [account]) is None}
    return () if able <= set(job.avoid) else job.avoid


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
        for account in choose(job.request, accounts, loads, self._tools.now(), avoid):
            decide = self._tools.records.decision(Bound(account_id=account.id))
            slots = account.room(job.kind)
            bound = await self._tools.jobs.bind(job.id, decide, account.id, slots)
            if bound is not None:
                log.info("job bound", job_id=job.id, account_id=account.id)
                return bound
        return None
