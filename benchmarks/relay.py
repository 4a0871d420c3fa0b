"""Measure and count what one change of a job costs on its way from the store to those who watch it.

The changes are written by the library itself, as another node would write them, so that the backend and the
node's own looks at it have no part in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.library import opened
from benchmarks.machine import Cores
from benchmarks.meters import MIB, cpu_s
from benchmarks.orders import Loader
from benchmarks.samples import Count, Figure
from benchmarks.site import GATEWAY, VIDEO, Site, open_bare, until
from sora_gateway.domain.advance import Limits
from sora_gateway.domain.job_events import Progressed
from sora_gateway.engine.records import Records
from sora_gateway.kit.clock import system_now

JOBS = 10
_WRITES_PER_S = 10.0
_WINDOW_S = 5.0
"""What is compared takes as long without changes; shorter, the clock of the CPU is too coarse."""
_LOADS = ((100, 30.0), (1000, 10.0))
"""Watchers, and changes a second."""
_MOST_PERCENT = 95
_LATE_S = 0.5
_FIRST_S = 0.3
_SETTLE_S = 3.0
_RUN_S = 100_000.0

_SCENARIO: Mapping[str, Any] = {
    "accounts": [
        {"name": "one", "plan": "plus", "video_quota": 5000, "image_quota": 0, "video_concurrency": JOBS}
    ],
    "timing__video__phases": [{"status": "running", "seconds": _RUN_S}],
    "timing__video__hidden_answers": 0,
}


class Stage:
    """A gateway with jobs that run and do not change by themselves."""

    def __init__(self, site: Site) -> None:
        self.site = site
        with site.client() as client:
            made = [client.post("/videos", json=VIDEO).raise_for_status().json()["id"] for _ in range(JOBS)]
            until(lambda: all(_runs(client, job_id) for job_id in made), "the jobs do not run")
        time.sleep(_SETTLE_S)  # what follows a start must not be taken for rest
        self.job_ids: Sequence[str] = made
        self._percents = dict.fromkeys(made, 0)

    def requests(self, jobs: int) -> list[str]:
        """Return the requests that watch the first ``jobs``."""
        return [
            self.site.request("GET", f"/videos/{job_id}/events", Connection="close")
            for job_id in self.job_ids[:jobs]
        ]

    def write(self, jobs: int, seconds: float, per_s: float = _WRITES_PER_S) -> dict[tuple[int, int], float]:
        """Let progress rise for ``seconds``; return by job and percent when each write began."""
        return asyncio.run(self._write(jobs, seconds, per_s))

    async def _write(self, jobs: int, seconds: float, per_s: float) -> dict[tuple[int, int], float]:
        began_at: dict[tuple[int, int], float] = {}
        async with opened(self.site.store.socket) as store:
            records = Records(store.jobs, system_now, Limits())
            began_s = time.perf_counter()
            for turn in range(int(seconds * per_s)):
                await asyncio.sleep(max(0.0, began_s + turn / per_s - time.perf_counter()))
                number = turn % jobs
                job_id = self.job_ids[number]
                percent = self._percents[job_id] = self._percents[job_id] + 1
                if percent > _MOST_PERCENT:
                    raise RuntimeError("the jobs' progress is used up: write less")
                began_at[number, percent] = time.perf_counter()
                await records.apply(job_id, Progressed(progress=percent / 100))
        return began_at


def _runs(client: Any, job_id: str) -> bool:
    return bool(client.get(f"/videos/{job_id}").raise_for_status().json()["status"] == "in_progress")


@contextlib.contextmanager
def open_stage(folder: Path, cores: Cores) -> Iterator[Stage]:
    """Start a gateway and its jobs."""
    with open_bare(
        folder, cores, _SCENARIO, video_slots=JOBS, SORA_GATEWAY_SORA_WEB_POLL_SLOW_S="1.0"
    ) as site:
        yield Stage(site)


def relay(site: Site, loader: Loader, number: int, seconds: float) -> Iterator[Figure | Count]:
    """Let 100 and 1,000 watchers see jobs change, each change seen by a tenth of them."""
    del seconds
    with open_stage(site.folder / f"relay-{number}", site.cores) as stage:
        for count, per_s in _LOADS:
            yield from _relayed(stage, loader, count, per_s)
        yield from count_reads(stage, loader)


def _relayed(stage: Stage, loader: Loader, count: int, per_s: float) -> Iterator[Figure]:
    seconds = _WINDOW_S
    gateway = stage.site.servers[GATEWAY]
    idle_before_s = cpu_s(gateway.process)
    time.sleep(seconds)
    idle_share = (cpu_s(gateway.process) - idle_before_s) / seconds
    rss_before = gateway.process.memory_info().rss
    loader.tell("open", gateway.port, requests=stage.requests(JOBS), connections=count // JOBS)
    grown = gateway.process.memory_info().rss - rss_before
    loader.begin("follow", seconds=seconds + _LATE_S + _FIRST_S)
    time.sleep(_FIRST_S)
    before_s, began_s = cpu_s(gateway.process), time.perf_counter()
    began_at = stage.write(JOBS, seconds, per_s)
    told = loader.finish()
    used_s = cpu_s(gateway.process) - before_s - idle_share * (time.perf_counter() - began_s)
    loader.tell("leave")
    took_s = sorted(
        at - began_at[number, percent]
        for number, percent, at in told["seen"]
        if (number, percent) in began_at
    )
    name = f"{count:,} watchers, {per_s:.0f} changes a second, {count // JOBS} see each"
    yield Figure(what=f"{name}: events delivered", unit="per s", value=len(took_s) / seconds)
    expected = len(began_at) * count // JOBS
    yield Figure(what=f"{name}: of all events came", unit="%", value=100 * len(took_s) / expected)
    yield Figure(what=f"{name}: CPU per event", unit="µs", value=used_s / max(1, len(took_s)) * 1e6)
    for share in (50, 99):
        late_ms = took_s[len(took_s) * share // 100] * 1000
        yield Figure(what=f"{name}: from the store's write to the client, p{share}", unit="ms", value=late_ms)
    yield Figure(what=f"{name}: load busy", unit="%", value=told["load_busy"] * 100)
    if count == 1000:
        memory_kb = grown / count / 1000
        what = f"{count:,} watchers: memory each (largest of the rounds)"
        yield Figure(what=what, unit="kB", value=memory_kb)
        yield Figure(what=f"{count:,} watchers: resident", unit="MiB", value=(rss_before + grown) / MIB)


def count_reads(
    stage: Stage, loader: Loader, *, watchers: int = 100, seconds: float = 3.0
) -> Iterator[Count]:
    """Count what the node reads for each change, with one watcher and with many."""
    one, many = _reads(stage, loader, 1, seconds), _reads(stage, loader, watchers, seconds)
    yield Count(
        what="a job changes: reads of the feed by a node",
        counted=round(max(0.0, many.feed), 2),
        promised=1,
        slack=0.3,  # what else happens on the node comes in bursts
    )
    yield Count(
        what=f"a job changes: round trips to the store more with {watchers} watchers than with one",
        counted=round(max(0.0, many.all - one.all), 2),
        promised=0,
        slack=0.5,
    )


@dataclass(frozen=True, slots=True)
class _Reads:
    """What a change costs the store: reads of the feed, and all round trips, those of the writer too."""

    feed: float
    all: float


def _reads(stage: Stage, loader: Loader, watchers: int, seconds: float) -> _Reads:
    """Let a job change before ``watchers``; leave out what the node reads while nothing is changed."""
    store = stage.site.store
    loader.tell("open", stage.site.gateway.port, requests=stage.requests(1), connections=watchers)
    began = store.count()
    time.sleep(seconds / 2)
    before = store.count()
    written = len(stage.write(1, seconds))
    grown, idle = store.count() - before, before - began
    loader.tell("leave")
    share = grown.at_s / idle.at_s
    feed = grown.commands.get("xread", 0) - idle.commands.get("xread", 0) * share
    return _Reads(feed / written, (grown.reads - idle.reads * share) / written)
