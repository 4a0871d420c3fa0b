"""Run one node's share of the work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from sora_gateway.engine.arrivals import Arrivals
from sora_gateway.engine.characters import Characters
from sora_gateway.engine.clock import StoreClock
from sora_gateway.engine.collect import Collector
from sora_gateway.engine.config import EngineConfig
from sora_gateway.engine.deliveries import Deliverer
from sora_gateway.engine.dispatch import Dispatcher
from sora_gateway.engine.enhancing import Enhancer
from sora_gateway.engine.estimates import Estimates
from sora_gateway.engine.files import Files
from sora_gateway.engine.generations import Generations
from sora_gateway.engine.hub import Hub
from sora_gateway.engine.inputs import Inline, Inputs
from sora_gateway.engine.lanes import LaneKeeper
from sora_gateway.engine.passthrough import Passthrough
from sora_gateway.engine.pool import AccountPool
from sora_gateway.engine.records import Records
from sora_gateway.engine.recovery import Recovery
from sora_gateway.engine.renewals import Renewals
from sora_gateway.engine.sweeps import Sweeper
from sora_gateway.engine.tools import NodeTools
from sora_gateway.engine.watchers import Watchers
from sora_gateway.engine.webhooks import Webhooks
from sora_gateway.kit.clock import Now
from sora_gateway.kit.ids import new_id
from sora_gateway.ports.media import Fetcher, Links, MediaTools, Poster, Vault
from sora_gateway.ports.stores import FeedEntry, Store
from sora_gateway.ports.upstream import Upstream
from sora_gateway.telemetry import metrics
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

_RESTART_S = 1.0


class Node:
    """The engine of one process: its facade is ``generations``, its work runs inside ``running``."""

    def __init__(
        self,
        *,
        store: Store,
        upstreams: Mapping[str, Upstream],
        vault: Vault,
        media: MediaTools,
        fetcher: Fetcher,
        poster: Poster,
        inline: Inline,
        links: Links,
        config: EngineConfig,
        now: Now,
    ) -> None:
        self._clock = now = StoreClock(store, now)
        inputs = Inputs(vault, media, fetcher, inline, config.max_input_bytes)
        pool = AccountPool(store.accounts, now)
        self._renewals = Renewals(pool, upstreams, config, now)
        tools = NodeTools(
            upstreams=upstreams,
            pool=pool,
            renewals=self._renewals,
            jobs=store.jobs,
            lanes=store.lanes,
            characters=store.characters,
            records=Records(store.jobs, now, config.limits),
            config=config,
            now=now,
            inputs=inputs,
            vault=vault,
            submissions=asyncio.Semaphore(config.submissions),
        )
        self.id = new_id("node", now)
        self._hub = Hub(store.feed)
        self._hub.listen(_count, lambda: None)
        watchers = Watchers(store.jobs, self._hub)
        self._keeper = LaneKeeper(self.id, tools, self._hub)
        self._dispatcher = Dispatcher(tools, self._hub)
        self._collector = Collector(tools, media, self._hub)
        self._sweeper = Sweeper(tools, store.files, self._clock)
        self._recovery = Recovery(tools, self._hub)
        arrivals = Arrivals(pool, self._renewals, upstreams, now)
        permissions = config.passthrough_permissions
        self.passthrough = Passthrough(
            arrivals, pool, store.jobs, tuple(upstreams), permissions, now, config.passthrough_bounds
        )
        self.characters = Characters(tools)
        self.enhancer = Enhancer(tools)
        self.webhooks = Webhooks(store.webhooks, poster, now, config.webhook_answer_s)
        self._deliverer = Deliverer(store.webhooks, store.jobs, poster, self._hub, config, now)
        self.generations = Generations(tools, inputs, watchers, Estimates(self._hub), links, self.characters)
        self._loops: list[asyncio.Task[None]] = []
        self.files = Files(store.files, vault, inputs, self.generations, now, config.file_retention_s)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work while the block runs; at its end take nothing more and hand the lanes over."""
        await self._clock.sync()
        await self._hub.start()
        async with self._renewals, asyncio.TaskGroup() as group:
            hub = group.create_task(_for_ever("hub", self._hub.run), name="hub")
            self._loops = [
                group.create_task(_for_ever(name, run), name=name)
                for name, run in (
                    ("dispatcher", self._dispatcher.run),
                    ("collector", self._collector.run),
                    ("sweeper", self._sweeper.run),
                    ("recovery", self._recovery.run),
                    ("deliveries", self._deliverer.run),
                    ("renewals", self._renewals.run),
                    ("callers' accounts", self.passthrough.run),
                )
            ]
            keeper = group.create_task(_for_ever("lanes", self._keeper.run), name="lanes")
            log.info("node works", node=self.id)
            try:
                yield
            finally:
                self.stop()
                await asyncio.wait([keeper])
                hub.cancel()

    def stop(self) -> None:
        """Take nothing more and begin to hand over; who watches is served until ``running`` ends.

        Repeating it changes nothing.
        """
        for loop in self._loops:
            loop.cancel()
        self._loops = []
        self._keeper.stop()


def _count(entry: FeedEntry) -> None:
    job = entry.job
    if entry.has_public_change and job.is_final:
        code = job.error.code if job.error is not None else ""
        metrics.count_end(job.kind.value, job.status.value, code)


async def _for_ever(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a loop; one that breaks is logged and begun again, since its work must go on."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("a loop of the engine broke and starts again", loop=name)
            await asyncio.sleep(_RESTART_S)
        else:
            return
