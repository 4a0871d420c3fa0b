"""Stream server-sent events: heartbeats, hang-ups, an end in good order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NoReturn, Protocol, TypeVar

from pydantic_core import to_json
from sse_starlette import ServerSentEvent
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sora_gateway.domain.errors import GatewayError
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

BEAT_S = 12.0
"""Between 10 and 15 s: proxies cut quiet connections, some after 20 s."""

_COMMENT = ServerSentEvent(comment="ping", sep="\n").encode()
_PING = ServerSentEvent(event="ping", data="{}", sep="\n").encode()
_HEADERS = {"cache-control": "no-store", "connection": "keep-alive", "x-accel-buffering": "no"}

T = TypeVar("T")


@asynccontextmanager
async def watching(events: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Close ``events`` when the block ends, whichever way: who stops looking stops watching at once."""
    try:
        yield events
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


async def first_of(events: AsyncGenerator[T, None]) -> tuple[T, ...]:
    """Wait for the first event and return it, or nothing where there is none.

    Whatever it raises can still be the answer; later it could only end the stream.
    """
    try:
        return (await anext(events),)
    except StopAsyncIteration:
        return ()


def encode_event(data: object, *, event: str | None = None, id: str | None = None) -> bytes:  # noqa: A002
    """Return one event with ``data`` as JSON on a single line."""
    lines = b"" if id is None else b"id: %s\n" % id.encode()
    if event is not None:
        lines += b"event: %s\n" % event.encode()
    return lines + b"data: %s\n\n" % to_json(data)


class Stoppable(Protocol):
    """An answer that goes on until something happens."""

    def stop(self) -> None:
        """End it in good order."""
        ...


class OpenAnswers:
    """The answers of an application that wait for something; it lies on its ``state.open_answers``."""

    def __init__(self) -> None:
        self._open: set[Stoppable] = set()
        self._is_ending = False

    def add(self, answer: Stoppable) -> None:
        """Remember an answer that waits; it ends at once if the others have been told to."""
        self._open.add(answer)
        if self._is_ending:
            answer.stop()

    def discard(self, answer: Stoppable) -> None:
        """Forget one that has ended."""
        self._open.discard(answer)

    def end(self) -> None:
        """Tell all to say farewell and end, those too that begin later."""
        self._is_ending = True
        for answer in tuple(self._open):
            answer.stop()


class _HungUpError(Exception):
    """The caller left."""


class _StoppedError(Exception):
    """The server stops."""


class EventStream(Response):
    """A stream of encoded events. Whoever hangs up ends the watching and nothing else.

    It beats with comments, which every SDK skips, or with ``ping`` events that have data
    (``beats_with_events``), since the Python SDK fails on a comment after an ``id:`` line; or with ``beat``.
    When the server stops, or the events end with a ``GatewayError``, ``farewell`` is sent (or what it returns
    when it is told whether there was an event before) and the answer ends whole. ``first`` are
    events that were taken from ``events`` before.

    Two tasks and a timer. The response of sse-starlette takes five tasks: 44 kB for each open stream where
    this takes 19, and a third more of the processor for each event.
    """

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        *,
        beat_s: float = BEAT_S,
        beats_with_events: bool = False,
        beat: bytes | None = None,
        farewell: bytes | Callable[[bool], bytes] = b"",
        first: Sequence[bytes] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.media_type = "text/event-stream"
        self.status_code = 200
        self.background = None
        self.init_headers({**_HEADERS, **(headers or {})})
        self._events = events
        self._farewell = farewell
        self._has_begun = False
        self._first = first
        self._beat_s = beat_s
        self._beat = beat or (_PING if beats_with_events else _COMMENT)
        self._group: asyncio.TaskGroup | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_sending = False

    def stop(self) -> None:
        """End the stream from outside, with its farewell."""
        if self._group is not None:
            self._group.create_task(_fail(_StoppedError()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the events end, the caller hangs up or the server stops."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        last: bytes | None = b""
        try:
            if scope["method"] != "HEAD":
                await self._run(receive, send, scope["app"].state.open_answers)
        except* _HungUpError:
            last = None
        except* _StoppedError:
            last = self._goodbye()
        except* GatewayError as broken:
            log.warning("stream broken off", path=scope["path"], error=str(broken.exceptions[0]))
            last = self._goodbye()
        finally:
            await self._events.aclose()
        if last is not None:
            await send({"type": "http.response.body", "body": last, "more_body": False})

    def _goodbye(self) -> bytes:
        return self._farewell(self._has_begun) if callable(self._farewell) else self._farewell

    async def _run(self, receive: Receive, send: Send, answers: OpenAnswers) -> None:
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            self._group = group
            listening = group.create_task(_until_hang_up(receive))
            answers.add(self)
            self._beat_later(send)
            try:
                for piece in self._first:
                    await self._say(send, piece)
                async for piece in self._events:
                    self._has_begun = True
                    await self._say(send, piece)
            except Exception as error:  # noqa: BLE001 - raised below, as what it is
                failure = error
            finally:
                answers.discard(self)
                self._group = None
                listening.cancel()
                if self._timer is not None:
                    self._timer.cancel()
        if failure is not None:
            raise failure

    async def _say(self, send: Send, piece: bytes) -> None:
        self._is_sending = True
        try:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        finally:
            self._is_sending = False

    def _beat_later(self, send: Send) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._beat_s, self._beat_now, send)

    def _beat_now(self, send: Send) -> None:
        if self._group is not None:
            if not self._is_sending:  # else the caller reads slowly, and has enough to read
                self._group.create_task(self._say(send, self._beat))
            self._beat_later(send)


async def _until_hang_up(receive: Receive) -> NoReturn:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise _HungUpError


async def _fail(error: Exception) -> NoReturn:
    raise error
