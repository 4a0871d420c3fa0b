"""Keep a number of workers alive: start them, start them anew, end them all."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sora_gateway.cli.orders import GO, Orders, packed, unpacked_report
from sora_gateway.cli.plain import CommandError
from sora_gateway.kit.backoff import backoff_s
from sora_gateway.kit.clock import boottime
from sora_gateway.settings import Settings, environment
from sora_gateway.telemetry import metrics
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

MOST_QUICK = 5
_QUICK_S = 10.0
_LONGEST_STOP_S = 4.3
"""When a worker is killed that was told to end: the rest of the 5 s is the store's."""
_REPORT_BYTES = 2**20
_COMMAND = (sys.executable, "-P", "-m", "sora_gateway.cli.worker")  # -P: as in demo_child


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a worker ended."""

    was_ready: bool
    lived_s: float
    reason: str

    @property
    def is_quick(self) -> bool:
        """Tell whether it was of no use."""
        return not self.was_ready or self.lived_s < _QUICK_S


def pause_s(quick_ends: int) -> float:
    """Return how long to wait before the next try, after so many quick ends in a row."""
    return backoff_s(quick_ends, base_s=0.5, cap_s=8.0) if quick_ends else 0.0


class Crew:
    """Workers on one listening socket, each a process of its own.

    Args:
        on_ready: runs once, when the first worker answers callers.
        command: what to start; the socket's descriptor is added.
        pause: how long to wait after so many quick ends in a row.
        longest_stop_s: when a worker is killed that was told to end.
    """

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        metrics_dir: Path,
        *,
        on_ready: Callable[[], None],
        command: Sequence[str] = _COMMAND,
        pause: Callable[[int], float] = pause_s,
        longest_stop_s: float = _LONGEST_STOP_S,
    ) -> None:
        self._settings, self._listener, self._metrics_dir = settings, listener, metrics_dir
        self._on_ready, self._command, self._pause = on_ready, command, pause
        self._longest_stop_s = longest_stop_s
        self._is_told = False
        self._processes: set[Process] = set()
        self._started, self._opened = asyncio.Event(), asyncio.Event()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Start the workers at once, and keep them until ``stop``; however this ends, none is left.

        Raises:
            CommandError: a worker ended ``MOST_QUICK`` times in a row as soon as it had begun; says why.
        """
        async with asyncio.TaskGroup() as group:
            for number in range(1, self._settings.workers + 1):
                group.create_task(self._keep(number), name=f"worker {number}")

    async def wait_started(self) -> None:
        """Wait until all workers have been started for the first time."""
        await self._started.wait()

    def open(self) -> None:
        """Let the workers begin: the store is open."""
        self._opened.set()

    def stop(self) -> None:
        """Tell all workers to end, in good order; once more, and they hurry."""
        if not self._stopping.is_set():
            self._stopping.set()
            asyncio.get_running_loop().call_later(self._longest_stop_s, self._tell_all, signal.SIGKILL)
        self._tell_all(signal.SIGTERM)

    def _tell_all(self, number: signal.Signals) -> None:
        for process in self._processes:
            _tell(process, number)

    async def _keep(self, number: int) -> None:
        """Have worker ``number`` until the crew stops."""
        quick_ends = 0
        while not self._stopping.is_set():
            end = await self._one(number)
            if self._stopping.is_set():
                return
            quick_ends = quick_ends + 1 if end.is_quick else 0
            if quick_ends >= MOST_QUICK:
                raise CommandError(f"Worker {number} ended {quick_ends} times in a row. {end.reason}")
            wait_s = self._pause(quick_ends)
            log.warning(
                "a worker ended; starting it again", worker=number, reason=end.reason, wait_s=round(wait_s, 1)
            )
            await self._wait_stop(wait_s)

    async def _one(self, number: int) -> End:
        """Run one process as worker ``number`` to its end."""
        began_s = boottime()
        async with self._process(number) as process:
            was_ready, failure = await self._followed(process)
            code = await process.wait()
        metrics.forget(process.pid, self._metrics_dir)
        return End(was_ready=was_ready, lived_s=boottime() - began_s, reason=failure or _described(code))

    @contextlib.asynccontextmanager
    async def _process(self, number: int) -> AsyncIterator[Process]:
        """Start a process with its orders; it is gone after the block."""
        orders = Orders(number=number, settings=self._settings, metrics_dir=self._metrics_dir)
        descriptor = self._listener.fileno()
        process = await asyncio.create_subprocess_exec(
            *self._command,
            str(descriptor),
            stdin=PIPE,
            stdout=PIPE,
            limit=_REPORT_BYTES,
            pass_fds=(descriptor,),
            env=environment(**{metrics.MULTIPROCESS: str(self._metrics_dir)}),
            start_new_session=True,  # Ctrl+C reaches the parent alone, which then ends it in order
        )
        self._processes.add(process)
        if len(self._processes) == self._settings.workers:
            self._started.set()
        try:
            if self._stopping.is_set():
                _tell(process, signal.SIGTERM)
            _write(process, packed(orders))
            yield process
        finally:
            await _end(process, self._longest_stop_s)
            self._processes.discard(process)

    async def _followed(self, process: Process) -> tuple[bool, str | None]:
        """Let the process begin and hear its reports to their end: whether it was ready, why it failed."""
        was_ready, failure = False, None
        async with asyncio.TaskGroup() as group:
            starter = group.create_task(self._let_begin(process))
            while process.stdout is not None and (line := await process.stdout.readline()):
                report = unpacked_report(line)
                was_ready, failure = was_ready or report.is_ready, report.failure or failure
                if report.is_ready and not self._is_told:
                    self._is_told = True
                    self._on_ready()
            starter.cancel()
        return was_ready, failure

    async def _let_begin(self, process: Process) -> None:
        await self._opened.wait()
        _write(process, GO)

    async def _wait_stop(self, seconds: float) -> None:
        """Wait so long, or until the crew stops."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


def _write(process: Process, line: bytes) -> None:
    if process.stdin is not None and not process.stdin.is_closing():
        process.stdin.write(line)


def _tell(process: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


async def _end(process: Process, longest_stop_s: float) -> None:
    """End it in good order if there is time, else at once."""
    if process.returncode is None:
        _tell(process, signal.SIGTERM)
        try:
            async with asyncio.timeout(longest_stop_s):
                await process.wait()
        except TimeoutError:
            _tell(process, signal.SIGKILL)
            await process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _described(code: int) -> str:
    if code >= 0:
        return f"It ended with exit code {code}; what it said stands above."
    try:
        return f"It was ended by {signal.Signals(-code).name}."
    except ValueError:
        return f"It was ended by signal {-code}."
