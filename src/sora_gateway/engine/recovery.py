"""After the store went back in time: look before anything is sent."""

from __future__ import annotations

import asyncio

from sora_gateway.domain.accounts import Account
from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.media import MediaKind
from sora_gateway.engine.hub import Hub
from sora_gateway.engine.strays import Strays
from sora_gateway.engine.tools import NodeTools
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

_PARALLEL = 16
_PAUSE_S = 0.5
_KINDS = frozenset(MediaKind)


class Recovery:
    """Holds the gate shut until every account's tasks were read once and those with our marker are bound."""

    def __init__(self, tools: NodeTools, hub: Hub) -> None:
        self._tools = tools
        self._hub = hub

    async def run(self) -> None:
        """Wait for regressions for ever and see to each."""
        while True:
            await self._hub.regressed.wait()
            log.warning("nothing is sent until all accounts were read")
            try:
                accounts = await self._tools.pool.all()
            except GatewayError as error:
                # A server that has just come back may still be loading what it kept.
                log.warning("the accounts cannot be read yet", error=error.message)
                await asyncio.sleep(_PAUSE_S)
                continue
            room = asyncio.Semaphore(_PARALLEL)
            async with asyncio.TaskGroup() as group:
                for account in accounts:
                    group.create_task(self._read(account, room), name=f"recover {account.id}")
            self._hub.regressed.clear()
            log.warning("all accounts were read, work goes on", accounts=len(accounts))

    async def _read(self, account: Account, room: asyncio.Semaphore) -> None:
        upstream = self._tools.upstreams.get(account.upstream)
        if upstream is None:
            return
        try:
            async with room, asyncio.timeout(self._tools.config.upstream_call_s):
                observed = await upstream.observe([], account, _KINDS)
        except (GatewayError, TimeoutError) as error:
            # Its lane looks again before it sends anything.
            log.warning("an account could not be read", account_id=account.id, error=str(error))
            return
        await Strays(account.id, self._tools).adopt(observed.listed)
