"""Give orders to the process that makes the load."""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType
from typing import Any, Self

from benchmarks.machine import ROOT, Cores, pinned


class Loader:
    """The load, in a process of its own on the cores that the server does not have."""

    def __init__(self, cores: Cores) -> None:
        self._cores = cores
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        with pinned(self._cores.load):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.load"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def ask(self, port: int, *, deed: str = "ask", status: int = 200, **order: Any) -> dict[str, Any]:
        """Send a request again and again (``deed``: how); all answers must have ``status``.

        Raises:
            RuntimeError: they had not, so that nobody measures how fast errors are.
        """
        seen = self.tell(deed, port, **order)
        if set(seen["statuses"]) != {str(status)}:
            request = str(order.get("request", "")).partition("\r\n")[0]
            raise RuntimeError(f"not all answers were {status} to {request}: {seen['statuses']}")
        return seen

    def tell(self, deed: str, port: int = 0, **order: Any) -> dict[str, Any]:
        """Give any order and return what was seen."""
        self.begin(deed, port, **order)
        return self.finish()

    def begin(self, deed: str, port: int = 0, **order: Any) -> None:
        """Give an order and do not wait; ``finish`` does."""
        process = self._process
        if process is None or process.stdin is None:
            raise RuntimeError("the load does not run")
        process.stdin.write(json.dumps({"do": deed, "host": "127.0.0.1", "port": port, **order}) + "\n")
        process.stdin.flush()

    def finish(self) -> dict[str, Any]:
        """Return what was seen since ``begin``."""
        process = self._process
        if process is None or process.stdout is None:
            raise RuntimeError("the load does not run")
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the load broke; its words are above")
        seen: dict[str, Any] = json.loads(line)
        return seen
