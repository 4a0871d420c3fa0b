"""Run a simulated backend: two listeners in one event loop, ended by a signal or a closed stdin."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from sora_gateway.kit.clock import Now, system_now
from sora_gateway.simulator.app import create_app, create_media_app
from sora_gateway.simulator.backend import open_backend
from sora_gateway.simulator.protocol import BreakableProtocol
from sora_gateway.simulator.routes_auth import describe
from sora_gateway.simulator.scenario import AccountSettings, Scenario, load_scenario

_GRACE_S = 0.5
_TICK_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """How to run a simulated backend.

    Args:
        scenario: a packaged name (``fast``, ``normal``, ``real``), a file's path, or a Scenario.
        media_port: 0 takes any free port, as does ``port``.
        accounts: replaces the accounts of the scenario.
        public_media_origin: what links begin with when the media host has another name outside.
    """

    host: str = "127.0.0.1"
    port: int = 8100
    media_port: int = 0
    scenario: str | Scenario = "normal"
    data_dir: Path | None = None
    accounts: tuple[AccountSettings, ...] | None = None
    public_media_origin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorAddress:
    """Where a running backend answers, and who may call it (as ``GET /simulator/accounts`` lists them)."""

    base_url: str
    media_origin: str
    accounts: tuple[dict[str, Any], ...]


async def serve(
    config: SimulatorConfig,
    *,
    on_ready: Callable[[SimulatorAddress], None] | None = None,
    exit_with_stdin: bool = False,
    now: Now = system_now,
) -> None:
    """Serve until SIGINT, SIGTERM, the end of stdin (if asked for) or cancellation.

    ``on_ready`` is called once, when both listeners accept connections.

    Raises:
        OSError: a port is taken.
        ValueError: the scenario cannot be read, or the journal is damaged.
    """
    scenario = _scenario(config)
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(_listener(config.host, config.port))
        media = stack.enter_context(_listener(config.host, config.media_port))
        origin = config.public_media_origin or _url(config.host, media)
        backend = stack.enter_context(
            open_backend(scenario, media_origin=origin.rstrip("/"), data_dir=config.data_dir, now=now)
        )
        address = SimulatorAddress(
            base_url=_url(config.host, site),
            media_origin=backend.links.origin,
            accounts=tuple(describe(item, item.access_token) for item in backend.state.accounts.values()),
        )
        stop = asyncio.Event()
        stack.enter_context(_signals_set(stop))
        if exit_with_stdin:
            _set_at_eof(stop)
        servers = (_Server(create_app(backend), stop), _Server(create_media_app(backend), stop))
        async with asyncio.TaskGroup() as group:
            for server, listener in zip(servers, (site, media), strict=True):
                group.create_task(server.run_on(listener))
            for server in servers:
                await server.ready.wait()
            if on_ready is not None:
                on_ready(address)


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals alone, stops on an event and does not linger."""

    def __init__(self, app: ASGIApp, stop: asyncio.Event) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=BreakableProtocol,
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                log_level="warning",
                server_header=False,
                backlog=4096,
            )
        )
        self.ready = asyncio.Event()
        self._stop = stop

    async def run_on(self, listener: socket.socket) -> None:
        """Serve ``listener`` until the event is set; close every connection on the way out."""
        try:
            await self._serve([listener])
        finally:
            self._stop.set()
            self.ready.set()
            await self.shutdown([listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections from here on."""
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Wait for the end, renewing the ``Date`` header on the way."""
        ticks = 0
        while not self._stop.is_set():
            await self.on_tick(ticks)
            ticks += 10
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_S):
                    await self._stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close listeners and idle connections, give running answers a moment, then cut them. Idempotent."""
        for server in getattr(self, "servers", []):
            server.close()
        for listener in sockets or []:
            listener.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_S):
                # Uvicorn's sets of connections and tasks announce no changes.
                while state.connections or state.tasks:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
        for connection in list(state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        if state.tasks:
            _, stubborn = await asyncio.wait(list(state.tasks), timeout=_GRACE_S)
            for task in stubborn:
                task.cancel()


def _scenario(config: SimulatorConfig) -> Scenario:
    scenario = load_scenario(config.scenario) if isinstance(config.scenario, str) else config.scenario
    return scenario if config.accounts is None else scenario.model_copy(update={"accounts": config.accounts})


@contextlib.contextmanager
def _listener(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Asyncio turns Nagle's algorithm off only on sockets that name their protocol; with it on, an answer
    # of two writes waits 40 ms for the client's delayed acknowledgement.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(4096)
        yield listener


def _url(host: str, listener: socket.socket) -> str:
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{name}:{listener.getsockname()[1]}"


@contextlib.contextmanager
def _signals_set(stop: asyncio.Event) -> Iterator[None]:
    """Set ``stop`` on SIGINT and SIGTERM, and put the old handlers back at the end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def handle(number: int, frame: object) -> None:
        del number, frame
        loop.call_soon_threadsafe(stop.set)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _set_at_eof(stop: asyncio.Event) -> None:
    """Set ``stop`` when stdin ends, on every operating system.

    A daemon thread reads the bare descriptor: a buffered read would hold a lock at interpreter exit.
    """
    loop = asyncio.get_running_loop()
    descriptor = sys.stdin.fileno()

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(descriptor, 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait, name="stdin-watch", daemon=True).start()
