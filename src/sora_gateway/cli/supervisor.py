"""Own what several workers share: the listening socket, the embedded store, the order of the end."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from sora_gateway.cli import imported
from sora_gateway.cli.crew import Crew
from sora_gateway.cli.ending import end_for_sure, signals
from sora_gateway.settings import Settings
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

_LONGEST_STOP_S = 4.9


def supervise(
    settings: Settings,
    listener: socket.socket,
    *,
    on_open: Callable[[], Awaitable[None]],
    on_ready: Callable[[], None],
) -> None:
    """Serve with ``settings.workers`` processes until SIGINT or SIGTERM, then end all within 5 s.

    ``on_open`` is awaited when the store works and nobody can call yet, ``on_ready`` runs when the first
    worker answers callers.

    Raises:
        CommandError: a worker ends again and again.
        GatewayError, OSError: store or media folder could not be opened.
    """
    with tempfile.TemporaryDirectory(prefix="sora-gateway-metrics-", ignore_cleanup_errors=True) as folder:
        asyncio.run(_Supervisor(settings, listener).run(Path(folder), on_open, on_ready))


class _Supervisor:
    """The parent of the workers, from before their start to after their end."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings, self._listener = settings, listener
        self._crew: Crew | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_open = self._is_stopping = False

    async def run(
        self, folder: Path, on_open: Callable[[], Awaitable[None]], on_ready: Callable[[], None]
    ) -> None:
        """Start workers, open what they share meanwhile, and close it after their end."""
        self._task = asyncio.current_task()
        crew = self._crew = Crew(self._settings, self._listener, folder, on_ready=on_ready)
        with signals(self._stop):
            try:
                async with AsyncExitStack() as shared, asyncio.TaskGroup() as group:
                    group.create_task(crew.run())
                    await crew.wait_started()  # before this process imports what they import, too
                    open_house = imported("sora_gateway.house").open_house
                    await shared.enter_async_context(open_house(self._settings))
                    await on_open()
                    self._is_open = True
                    crew.open()
            except asyncio.CancelledError:
                if not self._is_stopping:
                    raise

    def _stop(self, number: int) -> None:
        del number
        if not self._is_stopping:
            self._is_stopping = True
            end_for_sure(_LONGEST_STOP_S)
            log.info("stopping")
            self._listener.close()  # the workers close theirs
        if self._crew is not None:
            self._crew.stop()
        if not self._is_open and self._task is not None:
            self._task.cancel()
