"""Count what a status call costs the store and the backend. Counts are promises; times are not."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.meters import StoreCount
from benchmarks.orders import Loader
from benchmarks.site import GATEWAY, Site

CALLS = 1000
_IDLE_S = 1.0
_SLACK = 0.1
"""What a node does by itself (it reads the feed, knows its accounts for a second) comes in bursts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCount:
    """What one status call costs on average, and what it may cost."""

    state: str
    round_trips: float
    promised: int
    commands: dict[str, float]
    upstream_calls: int

    @property
    def is_kept(self) -> bool:
        """Tell whether it is as promised."""
        return self.round_trips <= self.promised + _SLACK and self.upstream_calls == 0


def count_status(site: Site, loader: Loader) -> list[StatusCount]:
    """Ask for a finished job and for one that waits, and count."""
    return [
        _count(site, loader, "finished", site.video_id, promised=1),
        _count(site, loader, "queued", site.queued_id, promised=2),
    ]


def _count(site: Site, loader: Loader, state: str, job_id: str, *, promised: int) -> StatusCount:
    order = {"request": site.request("GET", f"/videos/{job_id}"), "connections": 1, "most": CALLS}
    began = site.store.count()
    time.sleep(_IDLE_S)
    idle = site.store.count() - began
    site.backend.reset()
    before = site.store.count()
    answers = loader.ask(site.servers[GATEWAY].port, **order)
    grown = site.store.count() - before
    upstream = sum(site.backend.count().values())
    made = answers["requests"]
    share = grown.at_s / idle.at_s
    return StatusCount(
        state=state,
        round_trips=round((grown.reads - idle.reads * share) / made, 2),
        promised=promised,
        commands=_per_call(grown, idle, share, made),
        upstream_calls=upstream,
    )


def _per_call(grown: StoreCount, idle: StoreCount, share: float, calls: int) -> dict[str, float]:
    each = {
        name: round((count - idle.commands.get(name, 0) * share) / calls, 1)
        for name, count in sorted(grown.commands.items())
    }
    return {name: count for name, count in each.items() if count >= _SLACK}
