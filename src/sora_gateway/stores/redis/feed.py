"""Hear every write of jobs: a stream that is trimmed, so whoever falls behind is told."""

from __future__ import annotations

from collections.abc import Sequence

from sora_gateway.domain.errors import GatewayError
from sora_gateway.ports.stores import FeedEntry, FeedRegressedError, FeedReplacedError, FeedTrimmedError
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.codec import JOBS
from sora_gateway.stores.redis.connection import Connection

_MOST_ENTRIES = 500
_START = "0-0"


class RedisFeed:
    """Implements ``ports.stores.Feed``. Each waiting reader holds one connection of its own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._server: str | None = None

    async def last_id(self) -> str:
        """Return the id of the newest entry, ``"0-0"`` for none; what ``verify`` compares begins here."""
        self._server = await self._identity()
        newest = await self._connection.call("XREVRANGE", keys.FEED, "+", "-", "COUNT", 1)
        return str(newest[0][0]) if newest else _START

    async def verify(self, entry_id: str) -> None:
        """Return if the store still knows the entry, or has trimmed it away in order.

        Raises:
            FeedRegressedError: it does not: the store lost writes that it had confirmed.
            FeedReplacedError: another server has its place, or it was started anew.
        """
        identity, known = await self._identity(), self._server
        self._server = identity or known
        if known is not None and self._server != known:
            raise FeedReplacedError
        if entry_id == _START:
            return
        found, oldest = await self._connection.pipeline(
            [
                ("XRANGE", keys.FEED, entry_id, entry_id),
                ("XRANGE", keys.FEED, "-", "+", "COUNT", 1),
            ]
        )
        if not found and (not oldest or _position(oldest[0][0]) <= _position(entry_id)):
            raise FeedRegressedError

    async def read(self, after: str, *, block_s: float) -> Sequence[FeedEntry]:
        """Return the entries after ``after``, at most 500, waiting up to ``block_s`` for the first.

        Raises:
            FeedTrimmedError: entries after ``after`` may have been trimmed away; reload what you hold.
            FeedRegressedError: ``after`` is in the future: the store lost writes.
        """
        block_ms = max(1, round(block_s * 1000))
        read, oldest, newest = await self._connection.wait(
            [
                ("XREAD", "COUNT", _MOST_ENTRIES, "BLOCK", block_ms, "STREAMS", keys.FEED, after),
                # After the read: what is trimmed between the two is a false alarm, never a missed one.
                ("XRANGE", keys.FEED, "-", "+", "COUNT", 1),
                ("XREVRANGE", keys.FEED, "+", "-", "COUNT", 1),
            ],
            block_s,
        )
        position = _position(after)
        if position > _position(newest[0][0] if newest else _START):
            raise FeedRegressedError
        if oldest and position < _position(oldest[0][0]) and await self._was_trimmed(after):
            raise FeedTrimmedError
        entries = read[0][1] if read else []
        return [
            FeedEntry(id=entry_id, job=JOBS.decode(fields["j"]), has_public_change=fields["p"] == "1")
            for entry_id, fields in entries
        ]

    async def _identity(self) -> str | None:
        """Return what names the running server, None if that says nothing or may not be asked."""
        if self._connection.is_embedded:
            return None  # it syncs every write: a new start has all of them
        try:
            info = await self._connection.call("INFO", "server")
        except GatewayError:
            return None  # hosted servers may forbid it; should none answer, the next call tells
        return str(info.get("run_id", "")) or None

    async def _was_trimmed(self, after: str) -> bool:
        if after != _START:
            return True
        facts = await self._connection.call("XINFO", "STREAM", keys.FEED)
        fact = dict(zip(facts[::2], facts[1::2], strict=True))
        return int(fact["entries-added"]) > int(fact["length"])


def _position(entry_id: str) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)
