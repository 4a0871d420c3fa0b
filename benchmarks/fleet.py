"""Keep very many jobs in flight: what the engine uses, and how often it asks the backend.

Each account has its slots full; each job changes by one percent every ten seconds. The backend's lists are
the simulator's own, so its share of a core is told beside: near 100 % it, and not the engine, was the limit.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.machine import Cores
from benchmarks.meters import MIB, cpu_s, watched
from benchmarks.orders import Loader
from benchmarks.samples import Count, Figure
from benchmarks.seeding import job_ids, seed
from benchmarks.site import GATEWAY, VIDEO, Site, open_bare, until

_INTERVAL_S = 1.0
_CHANGE_S = 10.0
_PATIENCE_S = 300.0
_SETTLE_S = 2.0
_LISTS = ("/nf/pending", "/v2/recent_tasks", "/profile/drafts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """How many of what."""

    accounts: int
    slots: int
    watchers: int
    window_s: float
    windows: int = 1
    first: int = 2
    """So many on each account take the ordinary way; the others are copies of them."""

    @property
    def jobs(self) -> int:
        """Jobs in flight."""
        return self.accounts * self.slots

    @property
    def text(self) -> str:
        """How a table tells it."""
        return f"{self.jobs:,} jobs on {self.accounts} accounts"


FULL = Fleet(accounts=100, slots=100, watchers=1000, window_s=10.0, windows=3, first=5)
SMALL = Fleet(accounts=10, slots=100, watchers=100, window_s=3.0)


def scenario(fleet: Fleet) -> dict[str, Any]:
    """Return a backend with room for the fleet, whose tasks never end."""
    account = {"plan": "plus", "video_quota": 1_000_000, "image_quota": 0, "video_concurrency": fleet.slots}
    phase = {
        "status": "running",
        "seconds": 100 * _CHANGE_S,
        "progress_from": 0.0,
        "progress_to": 1.0,
    }
    return {
        "accounts": [{"name": f"a{number}", **account} for number in range(fleet.accounts)],
        "timing__video__phases": [phase],
        "timing__video__hidden_answers": 0,
    }


@contextlib.contextmanager
def open_fleet(folder: Path, cores: Cores, fleet: Fleet) -> Iterator[Site]:
    """Start a gateway and a backend with room for the fleet, and no jobs yet."""
    looks = {
        "SORA_GATEWAY_SORA_WEB_POLL_FAST_S": str(_INTERVAL_S),
        "SORA_GATEWAY_SORA_WEB_POLL_SLOW_S": str(_INTERVAL_S),
    }
    with open_bare(folder, cores, scenario(fleet), video_slots=fleet.slots, **looks) as site:
        yield site


def in_flight(site: Site, loader: Loader, number: int, seconds: float) -> Iterator[Figure | Count]:
    """Measure the fleet of the goals, once: filling it takes a minute."""
    del seconds
    if number == 0:
        with open_fleet(site.folder / "fleet", site.cores, FULL) as fleet_site:
            yield from measure(fleet_site, loader, FULL)


def measure(site: Site, loader: Loader, fleet: Fleet) -> Iterator[Figure | Count]:
    """Bring all jobs into flight; measure without watchers and with them."""
    yield from _first_jobs(site, loader, fleet)
    seed(site, fleet.slots)
    _await_all(site, fleet.jobs)
    time.sleep(_SETTLE_S)  # wake-ups of the last ones are over
    for _ in range(fleet.windows):
        yield from _window(site, fleet, fleet.text)
    watched_ids = job_ids(site, fleet.watchers)
    requests = [site.request("GET", f"/videos/{job_id}/events", Connection="close") for job_id in watched_ids]
    loader.tell("open", site.gateway.port, requests=requests, connections=fleet.watchers // len(requests))
    for _ in range(fleet.windows):
        yield from _window(site, fleet, f"{fleet.text}, {fleet.watchers:,} watchers")
    loader.tell("leave")


def _first_jobs(site: Site, loader: Loader, fleet: Fleet) -> Iterator[Figure]:
    """Let the gateway itself make some for each account."""
    before, made = _tasks(site), fleet.first * fleet.accounts
    before_s, began_s = cpu_s(site.process), time.perf_counter()
    request = site.request("POST", "/videos", VIDEO)
    loader.ask(site.gateway.port, request=request, connections=8, most=made)
    _await_all(site, before + made)
    used_s, took_s = cpu_s(site.process) - before_s, time.perf_counter() - began_s
    name = f"{made} jobs on {fleet.accounts} accounts, from the call to the backend's answer"
    yield Figure(what=f"{name}: all", unit="per s", value=made / took_s)
    yield Figure(what=f"{name}: CPU each", unit="ms", value=used_s / made * 1000)
    time.sleep(_SETTLE_S)


def _window(site: Site, fleet: Fleet, name: str) -> Iterator[Figure | Count]:
    """Look on for a while, which begins and ends anywhere between two looks of the engine."""
    gateway, simulator = site.servers[GATEWAY].process, psutil.Process(site.simulator.pid)
    site.backend.reset()
    before = site.store.count()
    store_before_s, backend_before_s = cpu_s(site.store.process), cpu_s(simulator)
    began_s = time.perf_counter()
    with watched(gateway) as usage:
        time.sleep(fleet.window_s)
        calls = site.backend.by_account()
    took_s = time.perf_counter() - began_s
    store_s, backend_s = cpu_s(site.store.process) - store_before_s, cpu_s(simulator) - backend_before_s
    writes = (site.store.count() - before).commands.get("evalsha", 0)
    yield Figure(what=f"{name}: gateway", unit="% of a core", value=usage.cpu_s / took_s * 100)
    yield Figure(what=f"{name}: gateway, resident", unit="MiB", value=usage.rss_bytes / MIB)
    yield Figure(what=f"{name}: embedded store", unit="% of a core", value=store_s / took_s * 100)
    yield Figure(what=f"{name}: simulator", unit="% of a core", value=backend_s / took_s * 100)
    yield Figure(what=f"{name}: scripts of the store", unit="per s", value=writes / took_s)
    yield Figure(what=f"{name}: changes that are due", unit="per s", value=fleet.jobs / _CHANGE_S)
    each_ms = usage.cpu_s / max(1, writes) * 1000
    yield Figure(what=f"{name}: gateway, CPU for each script", unit="ms", value=each_ms)
    yield Figure(
        what=f"{name}: of the looks that were due", unit="%", value=100 * looked(calls, fleet, took_s)
    )
    yield from count_lists(calls, fleet, took_s, name)


def looked(calls: dict[tuple[str, str], int], fleet: Fleet, took_s: float) -> float:
    """Return which share of the looks at accounts was made: below 1 the engine did not keep up."""
    made = sum(count for (route, _), count in calls.items() if "/nf/pending" in route)
    return made / (fleet.accounts * took_s / _INTERVAL_S)


def count_lists(
    calls: dict[tuple[str, str], int], fleet: Fleet, took_s: float, name: str
) -> Iterator[Count | Figure]:
    """Count the list calls of the account and list that was asked for most often, by interval."""
    lists = {key: count for key, count in calls.items() if any(part in key[0] for part in _LISTS)}
    others = {key[0]: count for key, count in calls.items() if key not in lists}
    most = max(lists.values(), default=0)
    accounts = {account for _, account in lists}
    yield Count(
        what=f"{name}: calls for each account, list and interval, of the one asked most",
        counted=round(most / (took_s / _INTERVAL_S), 2),
        promised=1,
        slack=_INTERVAL_S / took_s + 0.05,
        detail=f"{sum(lists.values())} calls to {len({route for route, _ in lists})} list(s) of "
        f"{len(accounts)} of {fleet.accounts} accounts in {took_s:.1f} s",
    )
    yield Count(
        what=f"{name}: other calls to the backend",
        counted=sum(others.values()),
        promised=0,
        slack=0,
        detail=", ".join(f"{route} {count}" for route, count in sorted(others.items())),
    )


def _await_all(site: Site, tasks: int) -> None:
    until(lambda: _tasks(site) >= tasks, f"the backend has only some of {tasks} tasks", wait_s=_PATIENCE_S)


def _tasks(site: Site) -> int:
    """Return how many creations the backend accepted."""
    routes = site.backend.count()
    return sum(count for route, count in routes.items() if route == "POST /nf/create")
