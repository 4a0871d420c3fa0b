"""Read the meters: CPU and memory of processes, commands of the store, calls to the backend."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

import httpx2
import psutil
import redis

MIB = 2**20
_SAMPLE_S = 0.02


@dataclass(slots=True)
class Usage:
    """What a process used while it was watched."""

    cpu_s: float = 0.0
    rss_bytes: int = 0
    peak_bytes: int = 0
    before_bytes: int = 0


def cpu_s(process: psutil.Process) -> float:
    """Return the CPU time that the process has used so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def read_bytes(process: psutil.Process) -> int | None:
    """Return how many bytes the process has read from files and sockets by ``read``, None if unknown."""
    return _counted(process, "rchar")


def written_bytes(process: psutil.Process) -> int | None:
    """Return how many bytes the process has written by ``write``, None if unknown."""
    return _counted(process, "wchar")


def _counted(process: psutil.Process, name: str) -> int | None:
    try:
        lines = Path(f"/proc/{process.pid}/io").read_text().splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


@contextlib.contextmanager
def watched(process: psutil.Process) -> Iterator[Usage]:
    """Watch ``process``; the usage is complete after the block."""
    usage = Usage(before_bytes=process.memory_info().rss)
    usage.peak_bytes = usage.before_bytes
    is_over = threading.Event()

    def sample() -> None:
        while not is_over.wait(_SAMPLE_S):
            usage.peak_bytes = max(usage.peak_bytes, process.memory_info().rss)

    thread = threading.Thread(target=sample, daemon=True)
    began_s = cpu_s(process)
    thread.start()
    try:
        yield usage
    finally:
        is_over.set()
        thread.join()
        usage.cpu_s = cpu_s(process) - began_s
        usage.rss_bytes = process.memory_info().rss
        usage.peak_bytes = max(usage.peak_bytes, usage.rss_bytes)


@dataclass(frozen=True, slots=True)
class StoreCount:
    """Commands by name and reads from sockets (one read is one round trip, pipelined or not)."""

    commands: dict[str, int] = field(default_factory=dict)
    reads: int = 0
    at_s: float = 0.0

    def __sub__(self, before: StoreCount) -> StoreCount:
        commands = {
            name: grown
            for name, count in self.commands.items()
            if (grown := count - before.commands.get(name, 0))
        }
        return StoreCount(commands, self.reads - before.reads, self.at_s - before.at_s)


class StoreMeter:
    """A server of the store."""

    def __init__(self, socket: str, pid: int) -> None:
        self.socket = socket
        self.process = psutil.Process(pid)
        self.client = redis.Redis(unix_socket_path=self.socket, decode_responses=True)

    @classmethod
    def of_gateway(cls, data_dir: Path) -> Self:
        """Return the meter of a gateway's embedded store."""
        note = json.loads((data_dir / "store" / "server.json").read_text())
        return cls(str(note["socket"]), int(note["pid"]))

    def count(self) -> StoreCount:
        """Return what it has done so far, without this meter's own questions."""
        info = cast(dict[str, Any], self.client.info("all"))
        commands = {
            name.removeprefix("cmdstat_"): int(row["calls"])
            for name, row in info.items()
            if name.startswith("cmdstat_") and name not in ("cmdstat_info", "cmdstat_client|setinfo")
        }
        own = int(info.get("cmdstat_info", {"calls": 0})["calls"])
        return StoreCount(commands, int(info["total_reads_processed"]) - own, time.perf_counter())


class BackendMeter:
    """The calls that the simulator got."""

    def __init__(self, url: str) -> None:
        self._url = url

    def reset(self) -> None:
        """Begin at zero."""
        self._items("?reset=1")

    def count(self) -> dict[str, int]:
        """Return calls by route since ``reset``; questions of the benchmark itself do not count."""
        routes: dict[str, int] = {}
        for item in self._items(""):
            route = str(item["route"])
            if "/simulator" not in route and "healthz" not in route:
                routes[route] = routes.get(route, 0) + int(item["calls"])
        return routes

    def by_account(self) -> dict[tuple[str, str], int]:
        """Return calls by route and account since ``reset``."""
        return {
            (str(item["route"]), str(item["account"])): int(item["calls"])
            for item in self._items("")
            if item["account"] is not None
        }

    def _items(self, query: str) -> list[dict[str, Any]]:
        answer = httpx2.get(f"{self._url}/simulator/counts{query}").raise_for_status().json()
        return cast(list[dict[str, Any]], answer["items"])
