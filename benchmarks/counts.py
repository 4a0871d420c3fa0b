"""Count what a status call costs the store and the backend. Counts are promises; times are not."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.meters import StoreCount
from benchmarks.orders import Loader
from benchmarks.samples import Count
from benchmarks.site import GATEWAY, Site

CALLS = 1000
_IDLE_S = 1.0
_LEAST = 0.1
"""Commands that come more rarely than this per call are not told: they are the node's own."""


def count_status(site: Site, loader: Loader) -> Iterator[Count]:
    """Ask for a finished job and for one that waits, and count."""
    yield from _count(site, loader, "finished", site.video_id, promised=1)
    yield from _count(site, loader, "queued", site.queued_id, promised=1)


def _count(site: Site, loader: Loader, state: str, job_id: str, *, promised: int) -> Iterator[Count]:
    order = {"request": site.request("GET", f"/videos/{job_id}"), "connections": 1, "most": CALLS}
    began = site.store.count()
    time.sleep(_IDLE_S)
    idle = site.store.count() - began
    site.backend.reset()
    before = site.store.count()
    made = loader.ask(site.servers[GATEWAY].port, **order)["requests"]
    grown = site.store.count() - before
    upstream = sum(site.backend.count().values())
    share = grown.at_s / idle.at_s
    commands = per_call(grown, idle, made)
    yield Count(
        what=f"status call of a job that is {state}: round trips to the store",
        counted=round((grown.reads - idle.reads * share) / made, 2),
        promised=promised,
        detail=", ".join(f"{name} {each:g}" for name, each in commands.items()),
    )
    yield Count(
        what=f"{made:,} status calls of a job that is {state}: calls to the backend",
        counted=upstream,
        promised=0,
        slack=0,
    )


def per_call(grown: StoreCount, idle: StoreCount, calls: int) -> dict[str, float]:
    """Return commands per call, less what the node does while nobody calls."""
    share = grown.at_s / idle.at_s
    each = {
        name: round((count - idle.commands.get(name, 0) * share) / calls, 1)
        for name, count in sorted(grown.commands.items())
    }
    return {name: count for name, count in each.items() if count >= _LEAST}
