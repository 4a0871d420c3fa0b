"""Run the gateway in this process: uvicorn, signals, the order of opening and closing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from sora_gateway.app import create_app
from sora_gateway.cli import ending
from sora_gateway.cli.ending import signals
from sora_gateway.cli.listening import BACKLOG
from sora_gateway.cli.plain import CommandError
from sora_gateway.cli.protocol import protocol_of
from sora_gateway.settings import Settings
from sora_gateway.telemetry.logs import get_logger
from sora_gateway.web.draining import Draining

log = get_logger(__name__)

_DOOR_S = 0.5
"""How long new requests are still answered after a signal, by a refusal: balancers go elsewhere then."""
_DRAIN_S = 1
"""How long running answers may go on after that; streams are told and end at once."""
_LONGEST_STOP_S = 4.3
"""Whoever stops us may kill after 5 s; the store is made for sudden ends, half-told lies are not."""
_KEEP_ALIVE_S = 75

Step = Callable[[], Awaitable[None]]


class _Server(uvicorn.Server):
    """A server that leaves the signals to ``Running``, which has them from before the store is opened."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Do nothing."""
        yield


class Running:
    """A gateway from before its start to after its end. One for each process.

    Ends by SIGINT, SIGTERM or ``fail``, within 5 s whatever hangs: ``end_for_sure`` is told when the end
    begins and, unless a test gives another, ends the process if it is still there after so many seconds.
    """

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        *,
        end_for_sure: Callable[[float], None] | None = None,
        make_app: Callable[[Settings], FastAPI] = create_app,
    ) -> None:
        self._make_app = make_app
        self._end_for_sure = end_for_sure or ending.end_for_sure
        self.settings = settings
        self._listener = listener
        self._server: _Server | None = None
        self._task: asyncio.Task[Any] | None = None
        self._is_stopping = False
        self._failure: CommandError | None = None
        self._drain: Draining | None = None
        self._hand_over: Callable[[], None] = _nothing_to_do
        self._end_streams: Callable[[], None] = _nothing_to_do

    def run(self, main: Callable[[Running], Coroutine[Any, Any, None]]) -> None:
        """Run ``main``, which calls ``serve``, to its end.

        Raises:
            CommandError: the text given to ``fail``.
            GatewayError, OSError: the gateway could not be started.
        """
        factory = uvicorn.Config(_nothing, loop="auto", log_config=None).get_loop_factory()
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(self._guarded(main))
        if self._failure is not None:
            raise self._failure

    async def _guarded(self, main: Callable[[Running], Coroutine[Any, Any, None]]) -> None:
        self._task = asyncio.current_task()
        with signals(self._stop):
            try:
                await main(self)
            except asyncio.CancelledError:
                if not self._is_stopping:
                    raise

    async def serve(self, *, on_open: Step, on_ready: Step) -> None:
        """Open the gateway, serve until the end, close it.

        ``on_open`` is awaited when store and engine work and nobody can call yet, ``on_ready`` runs as soon
        as callers get answers.
        """
        app = self._make_app(self.settings)
        async with app.router.lifespan_context(app):
            await on_open()
            self._drain = Draining(app)
            self._hand_over = app.state.hand_over
            self._end_streams = app.state.open_answers.end
            server = self._server = _Server(_config(self._drain, self.settings))
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(server.serve(sockets=[self._listener]))
                while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event
                    await asyncio.sleep(0.005)
                # What was made up to now stays for good. Searching it for garbage stops everything for 50 ms.
                gc.freeze()
                # Work leaves few cycles behind: 8 % of a core less for 10,000 jobs in flight, 1,000 watchers.
                gc.set_threshold(10_000, 20, 50)
                ready = group.create_task(_run(on_ready))
                await serving
                ready.cancel()

    def fail(self, message: str) -> None:
        """End the gateway with ``message`` and exit code 1."""
        if not self._is_stopping:
            self._failure = CommandError(message)
            self._stop(signal.SIGTERM)

    def _stop(self, number: int) -> None:
        if not self._is_stopping:
            self._is_stopping = True
            self._end_for_sure(_LONGEST_STOP_S)
            log.info("stopping")
        elif self._server is None:
            return
        if self._server is None or not self._server.started:
            if self._task is not None:
                self._task.cancel()
        elif self._drain is None:
            self._server.handle_exit(number, None)
        else:
            self._begin_to_stop(self._drain, self._server, number)

    def _begin_to_stop(self, drain: Draining, server: _Server, number: int) -> None:
        """Hand the work over, end streams, turn new requests away for a moment; then close the door."""
        self._drain = None  # a second signal closes it at once
        drain.begin()
        self._end_streams()
        self._hand_over()
        asyncio.get_running_loop().call_later(_DOOR_S, _close, server, number)


def _config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=protocol_of(settings.client_idle_s, makes_way=settings.workers > 1),
        ws="none",
        lifespan="off",  # ours is open already, and its errors are told in words
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.proxy_ips,
        backlog=BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_DRAIN_S,
    )


def _close(server: _Server, number: int) -> None:
    if not server.should_exit:
        server.handle_exit(number, None)


def _nothing_to_do() -> None:
    pass


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    del scope, receive, send


async def _run(step: Step) -> None:
    await step()
