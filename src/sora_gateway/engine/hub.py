"""Read the feed once for this node and pass each entry on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sora_gateway.domain.errors import GatewayError
from sora_gateway.ports.stores import (
    Feed,
    FeedEntry,
    FeedRegressedError,
    FeedReplacedError,
    FeedTrimmedError,
)
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

_BLOCK_S = 5.0
_PAUSE_S = 0.5
_GATHER_S = 0.005
"""Where much is written, what follows is read together; the first entry after a silence comes at once."""


class Hub:
    """One blocking read, fanned out in-process. Listeners must be quick and must not raise."""

    def __init__(self, feed: Feed) -> None:
        self.regressed = asyncio.Event()
        """Set when the store turned out to have lost writes; whoever has seen to it clears it."""
        self._is_heard = False
        self._feed = feed
        self._listeners: list[Callable[[FeedEntry], None]] = []
        self._gap_listeners: list[Callable[[], None]] = []
        self._at: str | None = None

    def listen(self, heard: Callable[[FeedEntry], None], missed: Callable[[], None]) -> None:
        """Call ``heard`` for each entry, and ``missed`` when entries may have been lost."""
        self._listeners.append(heard)
        self._gap_listeners.append(missed)

    @property
    def is_in_step(self) -> bool:
        """Tell whether the last read succeeded and no regression is being seen to: then work may start."""
        return self._is_heard and not self.regressed.is_set()

    async def start(self) -> None:
        """Take the present end of the feed as the beginning."""
        self._at = await self._feed.last_id()
        self._is_heard = True

    async def run(self) -> None:
        """Read for ever; an unreachable store is waited for."""
        while True:
            try:
                await self._read()
            except FeedReplacedError:
                log.warning("the store has another server or was started anew, and may have lost writes")
                self.regressed.set()
                await self._restart()
            except FeedRegressedError:
                log.warning("the store lost writes that it had confirmed")
                self.regressed.set()
                await self._restart()
            except FeedTrimmedError:
                log.warning("this node fell behind the feed and reloads what it watches")
                await self._restart()
            except GatewayError as error:
                self._is_heard = False
                log.warning("the feed cannot be read", error=error.message)
                await asyncio.sleep(_PAUSE_S)

    async def _read(self) -> None:
        if self._at is None:
            await self.start()
        elif not self._is_heard:
            await self._feed.verify(self._at)
            self._is_heard = True
        entries = await self._feed.read(self._at or "0-0", block_s=_BLOCK_S)
        for entry in entries:
            self._at = entry.id
            for heard in self._listeners:
                heard(entry)
        if entries:
            await asyncio.sleep(_GATHER_S)

    async def _restart(self) -> None:
        try:
            await self.start()
        except GatewayError:
            self._at = None
        for missed in self._gap_listeners:
            missed()
