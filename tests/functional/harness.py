"""Run the product as its users do: real processes, real sockets, real files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import httpx2

from sora_gateway.kit.clock import boottime
from tests.functional.nursery import Child, Nursery

START_S = 30.0

nurseries: list[Nursery] = []
"""Where commands are forked, if there is one; without, each is an interpreter of its own from the start."""


def free_port() -> int:
    """Return a port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**variables: str) -> dict[str, str]:
    """Return this process's environment without the gateway's settings, plus ``variables``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SORA_GATEWAY_")}  # noqa: TID251
    kept.pop("REDIS_URL", None)
    return kept | variables


def _started(
    arguments: Sequence[str],
    folder: Path,
    environment: dict[str, str],
    stdin: IO[bytes],
    stdout: IO[bytes],
    stderr: IO[bytes],
) -> subprocess.Popen[bytes] | Child:
    """Start a command in a session of its own."""
    if nurseries:
        files = (stdin.fileno(), stdout.fileno(), stderr.fileno())
        return nurseries[-1].start(arguments, folder, environment, files)
    return subprocess.Popen(
        [sys.executable, "-m", "sora_gateway", *arguments],
        cwd=folder,
        env=environment,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


class Process:
    """One ``sora-gateway`` command in a working directory of its own."""

    def __init__(self, arguments: list[str], folder: Path, **variables: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._arguments = arguments
        self._folder = folder
        self._environment = environment(**variables)
        self.log = folder / "output.log"
        self._process: subprocess.Popen[bytes] | Child | None = None

    def start(self) -> None:
        """Start it; output goes to ``log``."""
        with open(os.devnull, "rb") as nothing, self.log.open("ab") as log:
            self._process = _started(self._arguments, self._folder, self._environment, nothing, log, log)

    @property
    def pid(self) -> int:
        """The running process."""
        assert self._process is not None
        return self._process.pid

    def is_alive(self) -> bool:
        """Tell whether it runs."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process alone."""
        os.kill(self.pid, number)

    def wait(self, timeout_s: float) -> int:
        """Wait for its end and return its exit code."""
        assert self._process is not None
        return self._process.wait(timeout_s)

    def kill(self) -> None:
        """End it as a crash would."""
        if self.is_alive():
            self.signal(signal.SIGKILL)
            self.wait(10)

    def close(self) -> None:
        """End it, gently first."""
        if self.is_alive():
            self.signal(signal.SIGTERM)
            try:
                self.wait(8)
            except subprocess.TimeoutExpired:
                self.kill()


class Simulator(Process):
    """``sora-gateway simulate`` with a scenario of the test's own."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        scenario = folder / "scenario.json"
        scenario.write_text(json.dumps(scenario_like("fast", **changes)))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        arguments = [
            "simulate",
            "--port",
            str(self.port),
            "--scenario",
            str(scenario),
            "--data-dir",
            str(folder / "state"),
        ]
        super().__init__(arguments, folder)

    async def ready(self) -> None:
        """Wait until it answers."""
        await answers(f"{self.url}/healthz", self)

    async def get(self, path: str) -> Any:
        """Return what the control API says."""
        async with httpx2.AsyncClient(base_url=self.url, timeout=START_S) as client:
            return (await client.get(f"/simulator/{path}")).raise_for_status().json()

    async def post(self, path: str, body: Any) -> Any:
        """Change something through the control API."""
        async with httpx2.AsyncClient(base_url=self.url, timeout=START_S) as client:
            return (await client.post(f"/simulator/{path}", json=body)).raise_for_status().json()

    async def creations(self) -> list[dict[str, Any]]:
        """Return every task that was made, by whomever."""
        rows: list[dict[str, Any]] = (await self.get("ledger"))["items"]
        return rows

    async def tokens(self) -> list[str]:
        """Return the access tokens of all accounts."""
        return [row["access_token"] for row in (await self.get("accounts"))["items"]]


def scenario_like(name: str, **changes: Any) -> dict[str, Any]:
    """Return a packaged scenario with ``changes``: keys joined by ``__`` lead into it."""
    path = Path(__file__).parents[2] / "src/sora_gateway/simulator/scenarios" / f"{name}.json"
    scenario: dict[str, Any] = json.loads(path.read_text())
    for key, value in changes.items():
        *way, last = key.split("__")
        place = scenario
        for part in way:
            place = place[part]
        place[last] = value
    return scenario


class Gateway(Process):
    """``sora-gateway serve`` in front of a simulator."""

    def __init__(
        self, folder: Path, simulator: Simulator, *, data_dir: Path | None = None, **variables: str
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = data_dir or folder / "data"
        self.variables = {
            "SORA_GATEWAY_SORA_WEB_BASE_URL": f"{simulator.url}/backend",
            "SORA_GATEWAY_SORA_WEB_SENTINEL_TOKEN": "simulated",
            "SORA_GATEWAY_SORA_WEB_POLL_FAST_S": "0.3",
            "SORA_GATEWAY_SORA_WEB_POLL_SLOW_S": "0.5",
            "SORA_GATEWAY_SORA_WEB_ABSENCE_OVER_S": "4",
            **variables,
        }
        super().__init__(
            ["serve", "--port", str(self.port), "--data-dir", str(self.data_dir)], folder, **self.variables
        )

    async def ready(self) -> None:
        """Wait until it answers."""
        await answers(f"{self.url}/healthz", self)

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run another command on the same installation and return what it prints."""
        told = environment(SORA_GATEWAY_DATA_DIR=str(self.data_dir), **self.variables)
        with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
            given.write((stdin or "").encode())
            given.seek(0)
            command = _started(arguments, self._folder, told, given, out, err)
            try:
                code = command.wait(60)
            except subprocess.TimeoutExpired:
                os.kill(command.pid, signal.SIGKILL)
                command.wait(10)
                raise
            out.seek(0)
            err.seek(0)
            said = out.read().decode()
            assert code == 0, said + err.read().decode()
        return said

    def new_key(self, *permissions: str) -> str:
        """Make a licence and return its key."""
        flags = [flag for permission in permissions for flag in ("--permission", permission)] or ["--all"]
        made: dict[str, Any] = json.loads(self.run("licence", "create", "test", *flags, "--json"))
        return str(made["api_key"])

    def add_accounts(self, tokens: list[str]) -> None:
        """Put upstream accounts into the store."""
        self.run("account", "add", stdin="\n".join(tokens))

    def client(self, key: str) -> httpx2.AsyncClient:
        """Return an HTTP client of a caller."""
        return httpx2.AsyncClient(
            base_url=f"{self.url}/sora/v1", headers={"Authorization": f"Bearer {key}"}, timeout=30
        )


async def answers(url: str, process: Process) -> None:
    """Wait until ``url`` answers 200; fail with the log if the process ends first."""
    end = boottime() + START_S
    async with httpx2.AsyncClient() as client:
        while boottime() < end:
            assert process.is_alive(), process.log.read_text()[-4000:]
            with contextlib.suppress(httpx2.HTTPError):
                if (await client.get(url)).status_code == 200:
                    return
            await asyncio.sleep(0.05)
    raise AssertionError(f"no answer from {url}\n{process.log.read_text()[-4000:]}")


async def until(condition: Callable[[], Any], *, timeout_s: float, what: str) -> Any:
    """Poll an async ``condition`` until it returns something true, and return that."""
    end = boottime() + timeout_s
    while boottime() < end:
        found = await condition()
        if found:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"not within {timeout_s:.0f} s: {what}")


async def sse(response: httpx2.Response) -> AsyncIterator[dict[str, str]]:
    """Yield server-sent events as dictionaries of their fields."""
    event: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line == "":
            if event:
                yield event
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            event[name] = value.removeprefix(" ")


@contextlib.contextmanager
def running(*processes: Process) -> Iterator[None]:
    """Start processes and end them whatever happens."""
    try:
        for process in processes:
            process.start()
        yield
    finally:
        for process in reversed(processes):
            process.close()
