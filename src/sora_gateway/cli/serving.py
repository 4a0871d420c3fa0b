"""Run the gateway in this process: uvicorn, signals, the order of opening and closing."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from typing import Any

import uvicorn
from fastapi import FastAPI

from sora_gateway.app import create_app
from sora_gateway.cli.plain import CommandError
from sora_gateway.cli.protocol import protocol_of
from sora_gateway.settings import Settings
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

_DRAIN_S = 1
"""How long running answers may go on after a signal; streams are told and end at once."""
_LONGEST_STOP_S = 4.7
"""Whoever stops us may kill after 5 s; the store is made for sudden ends, half-told lies are not."""
_KEEP_ALIVE_S = 75
_BACKLOG = 2048

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
    ) -> None:
        self._end_for_sure = end_for_sure or _end_for_sure
        self.settings = settings
        self._listener = listener
        self._server: _Server | None = None
        self._task: asyncio.Task[Any] | None = None
        self._is_stopping = False
        self._failure: CommandError | None = None

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
        with _signals(self._stop):
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
        app = create_app(self.settings)
        async with app.router.lifespan_context(app):
            await on_open()
            server = self._server = _Server(_config(app, self.settings))
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(server.serve(sockets=[self._listener]))
                while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event
                    await asyncio.sleep(0.005)
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
        if self._server is not None and self._server.started:
            self._server.handle_exit(number, None)
        elif self._task is not None:
            self._task.cancel()


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens; whoever connects waits until the gateway is open.

    Raises:
        CommandError: the port is taken, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Asyncio turns Nagle's algorithm off only on sockets that name their protocol.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # Linux lets two sockets have the same address until one of them listens.
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise CommandError(_no_address(host, port, error)) from error
    listener.set_inheritable(False)
    return listener


def url_of(listener: socket.socket, host: str) -> str:
    """Return how to reach the listener from this machine."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{name}:{listener.getsockname()[1]}"


def _no_address(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken by another program. "
            "Choose another with --port, or --port 0 for any free one."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} needs special rights; choose one from 1024 on with --port."
    reason = error.strerror or error
    return f"Cannot listen on '{host}': {reason}. Choose an address of this machine with --host."


def _config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=protocol_of(settings.client_idle_s),
        ws="none",
        lifespan="off",  # ours is open already, and its errors are told in words
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.proxy_ips,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_DRAIN_S,
    )


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    del scope, receive, send


async def _run(step: Step) -> None:
    await step()


@contextlib.contextmanager
def _signals(handle: Callable[[int], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, handle, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _end_for_sure(seconds: float) -> None:
    """End the process after ``seconds`` even if something hangs; its children end with it."""

    def end() -> None:
        sys.stderr.write("Stopping took too long; ended at once. Accepted jobs are kept.\n")
        sys.stderr.flush()
        os._exit(0)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
