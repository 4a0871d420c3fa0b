"""Hold lanes for this node: claim, renew, work, hand over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sora_gateway.domain.errors import GatewayError
from sora_gateway.engine.hub import Hub
from sora_gateway.engine.lane import Lane
from sora_gateway.engine.tools import NodeTools
from sora_gateway.kit.clock import boottime
from sora_gateway.ports.stores import FeedEntry, Lease, LeaseLostError
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

_CLAIM_EVERY_S = 1.0
_LOST_GRACE_S = 60.0


class MayStart:
    """Tells whether the lease is surely still held, by this machine's own clock, and the store is in step."""

    def __init__(self, token: str, valid_until: dict[str, float], hub: Hub) -> None:
        self._token = token
        self._valid_until = valid_until
        self._hub = hub

    def __call__(self) -> bool:
        return self._hub.is_in_step and boottime() < self._valid_until.get(self._token, 0.0)


class LaneKeeper:
    """This node's lanes. One heartbeat renews them all, whatever they are busy with."""

    def __init__(self, node: str, tools: NodeTools, hub: Hub) -> None:
        self._node = node
        self._tools = tools
        self._lanes: dict[str, Lane] = {}
        self._valid_until: dict[str, float] = {}
        self._woken = asyncio.Event()
        self._stopping = False
        self._hub = hub
        hub.listen(self._heard, self._missed)

    def __len__(self) -> int:
        return len(self._lanes)

    def _heard(self, entry: FeedEntry) -> None:
        job = entry.job
        for account_id in {job.lane, job.account_id}:
            lane = self._lanes.get(account_id) if account_id is not None else None
            if lane is not None:
                lane.heard(job)
        if job.lane is not None and job.lane not in self._lanes:
            self._woken.set()

    def _missed(self) -> None:
        for lane in self._lanes.values():
            lane.missed()
        self._woken.set()

    async def run(self) -> None:
        """Claim and work until ``stop``; then wait for the lanes to end."""
        async with asyncio.TaskGroup() as group:
            beat = group.create_task(self._beat(), name="heartbeat")
            while not self._stopping:
                await self._claim(group)
                await self._wait()
            beat.cancel()

    def stop(self) -> None:
        """Take nothing more; running creates may finish, lanes are handed over at once. Once is enough."""
        if self._stopping:
            return
        self._stopping = True
        for lane in self._lanes.values():
            lane.stop(self._tools.config.shutdown_grace_s)
        self._woken.set()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_CLAIM_EVERY_S):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            self._woken.clear()

    async def _claim(self, group: asyncio.TaskGroup) -> None:
        config = self._tools.config
        room = config.lanes - len(self._lanes)
        if room <= 0:
            return
        asked_at = boottime()
        try:
            leases = await self._tools.lanes.claim(self._node, room, config.lease_s)
        except GatewayError as error:
            log.warning("cannot claim lanes", error=error.message)
            return
        for lease in leases:
            self._valid_until[lease.token] = asked_at + config.lease_s - config.lease_margin_s
            lane = Lane(lease, self._tools, MayStart(lease.token, self._valid_until, self._hub))
            self._lanes[lease.account_id] = lane
            group.create_task(self._work(lane), name=f"lane {lease.account_id}")

    async def _work(self, lane: Lane) -> None:
        lease = lane.lease
        try:
            await lane.run()
        except LeaseLostError:
            log.warning("lane was taken over by another node", account_id=lease.account_id)
        except Exception:
            log.exception("lane broke and is handed back", account_id=lease.account_id)
            await asyncio.sleep(_CLAIM_EVERY_S)
        finally:
            self._valid_until.pop(lease.token, None)
            if self._lanes.get(lease.account_id) is lane:
                del self._lanes[lease.account_id]
            try:
                await self._tools.lanes.release(lease)
            except GatewayError as error:
                log.warning("lane could not be handed back; it falls due", error=error.message)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._tools.config.heartbeat_s)
            leases = [lane.lease for lane in self._lanes.values()]
            if not leases:
                continue
            asked_at = boottime()
            try:
                lost = await self._tools.lanes.renew(leases, self._tools.config.lease_s)
            except GatewayError as error:
                log.warning("cannot renew lanes", error=error.message)
                continue
            self._renewed(leases, lost, asked_at)

    def _renewed(self, leases: Sequence[Lease], lost: Sequence[Lease], asked_at: float) -> None:
        valid_until = asked_at + self._tools.config.lease_s - self._tools.config.lease_margin_s
        for lease in leases:
            if lease in lost:
                self._valid_until.pop(lease.token, None)
                lane = self._lanes.get(lease.account_id)
                if lane is not None and lane.lease == lease:
                    lane.stop(_LOST_GRACE_S)
            elif lease.token in self._valid_until:
                self._valid_until[lease.token] = valid_until
