"""Start commands without paying for their imports each time: a process that has imported all of it forks.

What is started is a process like any other: with a command line, a folder, an environment, files and a
session of its own. It runs the same ``main`` and ends, or is killed, by itself. Only the second of imports is
shared.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[2]
_ORDER_BYTES = 2**17
_START_S = 60.0


def _is_readable(reports: socket.socket, timeout_s: float) -> bool:
    poller = select.poll()  # unlike select it has no highest descriptor
    poller.register(reports, select.POLLIN)
    return bool(poller.poll(timeout_s * 1000))


class Child:
    """A process that the nursery started: as much of ``subprocess.Popen`` as is needed to watch one."""

    def __init__(self, reports: socket.socket) -> None:
        reports.settimeout(_START_S)
        told = reports.recv(32)
        assert told, "the nursery is gone"
        self.pid = int(told)
        self._reports = reports
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return the exit code if it has ended; a signal is told as a negative number."""
        if self._code is None and _is_readable(self._reports, 0):
            self._read()
        return self._code

    def wait(self, timeout: float) -> int:
        """Wait for its end and return the exit code.

        Raises:
            subprocess.TimeoutExpired: it runs on.
        """
        if self._code is None:
            if not _is_readable(self._reports, timeout):
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            self._read()
        assert self._code is not None
        return self._code

    def _read(self) -> None:
        self._code = int(self._reports.recv(32))
        self._reports.close()  # now its keeper lets the number of the process go


class Nursery:
    """Has everything imported, and forks a process for each command."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = theirs.fileno()
            command = [sys.executable, "-m", "tests.functional.nursery", str(number)]
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[number])

    def start(
        self, words: Sequence[str], folder: Path, environment: Mapping[str, str], files: tuple[int, int, int]
    ) -> Child:
        """Start ``sora-gateway`` with these words; ``files`` are its standard input, output and error."""
        order = json.dumps({"words": words, "folder": str(folder), "environment": environment}).encode()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(self._orders, [order], [theirs.fileno(), *files])
        return Child(ours)

    def close(self) -> None:
        """End it; what it started lives on."""
        self._orders.close()
        self._process.wait(10)


# --- in the nursery ---------------------------------------------------------------------------------------


def _import_all() -> None:
    import sora_gateway  # noqa: PLC0415 - the tests need only the rest of this module

    for found in pkgutil.walk_packages(sora_gateway.__path__, "sora_gateway."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for name in ("uvicorn.protocols.http.httptools_impl", "uvicorn.lifespan.on", "uvicorn.loops.uvloop"):
        importlib.import_module(name)


def _serve(orders: socket.socket) -> None:
    """Start what is ordered; return in the process of a command, and nowhere else."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers end by themselves
    while True:
        message, files, *_ = socket.recv_fds(orders, _ORDER_BYTES, 4)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            break
        for file in files:
            os.close(file)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    orders.close()
    reports = socket.socket(fileno=files[0])
    child = os.fork()
    if child != 0:
        _keep(child, reports)
    reports.close()
    _become(json.loads(message), files[1:])


def _keep(child: int, reports: socket.socket) -> NoReturn:
    """Tell the number of the process, then how it ended; keep the number until that has been heard."""
    os.setsid()
    os.closerange(0, 3)
    reports.send(str(child).encode())
    ended: Any = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
    try:
        reports.send(str(code).encode())
        reports.recv(1)
    finally:
        os._exit(0)


def _become(order: dict[str, Any], files: Sequence[int]) -> None:
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, 256)
    os.chdir(order["folder"])
    os.environ.clear()  # noqa: TID251
    os.environ.update(order["environment"])  # noqa: TID251
    sys.argv = ["sora-gateway", *order["words"]]


if __name__ == "__main__":
    _import_all()
    gc.collect()
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    importlib.import_module("sora_gateway.cli").main()
