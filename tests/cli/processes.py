"""Commands as processes of their own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import httpx2
import psutil

START_S = 30.0


class Process:
    """A running ``sora-gateway``; what it prints goes to files in its folder."""

    def __init__(self, words: Sequence[str], folder: Path) -> None:
        self.name = f"{words[0]}-{time.monotonic_ns()}"
        self.out = folder / f"{self.name}.out"
        self.err = folder / f"{self.name}.err"
        with self.out.open("w") as out, self.err.open("w") as err:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "sora_gateway", *words],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.child.kill()
        self.child.wait()

    @property
    def said(self) -> str:
        """Everything printed so far."""
        return self.out.read_text() + self.err.read_text()

    def line(self, start: str) -> str:
        """Wait for a line that begins so, and return it."""

        def found() -> str | None:
            return next((line for line in self.said.splitlines() if line.strip().startswith(start)), None)

        return str(self.wait(found, f"a line that begins with {start!r}"))

    def wait(self, look: Callable[[], Any], what: str, seconds: float = START_S) -> Any:
        """Return the first true answer of ``look``; fail if the process ends before."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if answer := look():
                return answer
            assert self.child.poll() is None, f"ended with {self.child.returncode}: {self.said}"
            time.sleep(0.02)
        raise AssertionError(f"no {what} within {seconds} s: {self.said}")

    def listening(self) -> str:
        """Return where a ``serve`` answers."""
        url = self.line("Listening on ").split()[2]
        assert httpx2.get(f"{url}/healthz", trust_env=False).status_code == 200
        return url

    def descendants(self) -> list[psutil.Process]:
        """Return all processes that it started, directly or not."""
        return psutil.Process(self.child.pid).children(recursive=True)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send the signal; return the exit code and how long the end took."""
        began = time.monotonic()
        self.child.send_signal(number)
        return self.child.wait(20), time.monotonic() - began


def ready(process: Process, file: Path) -> dict[str, str]:
    """Wait for the ready file of a demo and return what it says."""
    process.wait(file.exists, "ready file")
    facts: dict[str, str] = json.loads(file.read_text())
    return facts


def gone(processes: Sequence[psutil.Process], seconds: float) -> bool:
    """Tell whether all ended within the time."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]
