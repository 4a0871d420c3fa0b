"""Stream server-sent events: heartbeats, hang-ups, an end in good order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio
from pydantic_core import to_json
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Message, Receive, Scope, Send

BEAT_S = 12.0
"""Between 10 and 15 s: proxies cut quiet connections, some after 20 s."""


T = TypeVar("T")


@asynccontextmanager
async def watching(events: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Close ``events`` when the block ends, whichever way: who stops looking stops watching at once."""
    try:
        yield events
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


def encode_event(data: object, *, event: str | None = None, id: str | None = None) -> bytes:  # noqa: A002
    """Return one event with ``data`` as JSON on a single line."""
    lines = b"" if id is None else b"id: %s\n" % id.encode()
    if event is not None:
        lines += b"event: %s\n" % event.encode()
    return lines + b"data: %s\n\n" % to_json(data)


def _comment() -> ServerSentEvent:
    return ServerSentEvent(comment="ping", sep="\n")


def _ping_event() -> ServerSentEvent:
    return ServerSentEvent(event="ping", data="{}", sep="\n")


class EventStream(EventSourceResponse):
    """A stream of encoded events. Whoever hangs up ends the watching and nothing else.

    It beats with comments, which every SDK skips, or with ``ping`` events that have data
    (``beats_with_events``), since the Python SDK fails on a comment after an ``id:`` line.
    When the server stops, ``farewell`` is sent and the answer ends whole.
    """

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        *,
        beat_s: float = BEAT_S,
        beats_with_events: bool = False,
        farewell: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> None:
        self._stops = anyio.Event()
        self._events = events
        self._farewell = farewell
        super().__init__(
            events,
            ping=beat_s,
            sep="\n",
            ping_message_factory=_ping_event if beats_with_events else _comment,
            headers=headers,
            shutdown_event=self._stops,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the events end, the caller hangs up or the server stops."""
        is_open = False

        async def seen(message: Message) -> None:
            nonlocal is_open
            is_open = message["type"] == "http.response.start" or bool(message.get("more_body"))
            await send(message)

        try:
            await super().__call__(scope, receive, seen)
        finally:
            with anyio.CancelScope(shield=True):
                await self._events.aclose()
        if is_open:
            farewell = self._farewell if self._stops.is_set() else b""
            body: dict[str, Any] = {"type": "http.response.body", "body": farewell, "more_body": False}
            await send(body)
