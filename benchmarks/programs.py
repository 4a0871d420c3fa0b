"""Run another program: pinned to its cores, its words in a log, ended with the block that started it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from tests.functional.harness import environment

from benchmarks.machine import ROOT, pinned


class Startable(Protocol):
    """What can be started and ended."""

    def start(self) -> None:
        """Start it."""

    def close(self) -> None:
        """End it."""


class Program:
    """A command; it runs in the project's folder."""

    def __init__(self, folder: Path, command: Sequence[str], **variables: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "output.log"
        self._command = list(command)
        self._environment = environment(**variables)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; output goes to ``log``."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        """The running process."""
        if self._process is None:
            raise RuntimeError("it was not started")
        return self._process.pid

    def is_alive(self) -> bool:
        """Tell whether it runs."""
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """End it, gently first."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(8)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)


def run(stack: contextlib.ExitStack, process: Startable, cores: frozenset[int]) -> None:
    """Start ``process`` on ``cores``; it ends with ``stack``."""
    with pinned(cores):
        process.start()
    stack.callback(process.close)


@contextlib.contextmanager
def running(process: Startable, cores: frozenset[int]) -> Iterator[None]:
    """Run ``process`` on ``cores`` while the block runs."""
    with contextlib.ExitStack() as stack:
        run(stack, process, cores)
        yield
