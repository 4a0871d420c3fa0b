"""OpenAnswers beat, end whole, and stop watching when nobody reads: over a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.web.streaming import EventStream, OpenAnswers, encode_event, first_of, watching
from tests.gateway import serving, until


class Source:
    """Events for a stream, which knows whether anybody still wants them."""

    def __init__(self) -> None:
        self.is_open = False
        self.go = asyncio.Event()

    async def events(self, count: int) -> AsyncGenerator[bytes, None]:
        self.is_open = True
        try:
            for number in range(count):
                yield encode_event({"n": number})
            await self.go.wait()
            yield encode_event({"n": "last"})
        finally:
            self.is_open = False


def _app(make: Callable[[], Response]) -> Starlette:
    async def endpoint(request: Request) -> Response:
        return make()

    return Starlette(routes=[Route("/", endpoint)])


def test_encoding() -> None:
    """One line of data, so that no text can break an event."""
    assert encode_event({"a": "画\nb"}) == 'data: {"a":"画\\nb"}\n\n'.encode()
    assert encode_event([], event="x", id="7") == b"id: 7\nevent: x\ndata: []\n\n"


async def test_stream_ends_whole() -> None:
    """Events come as they are made, without ``id:`` and ``retry:``, and the answer is complete."""
    source = Source()
    source.go.set()
    async with (
        serving(_app(lambda: EventStream(source.events(2)))) as (url, _),
        httpx2.AsyncClient(verify=False) as client,
    ):
        answer = await client.get(url)
    assert answer.text == 'data: {"n":0}\n\ndata: {"n":1}\n\ndata: {"n":"last"}\n\n'
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"


async def _lines(url: str, count: int) -> list[str]:
    lines: list[str] = []
    async with httpx2.AsyncClient(verify=False) as client, client.stream("GET", url) as answer:
        async for line in answer.aiter_lines():
            lines.append(line)
            if len(lines) == count:
                break
    return lines


async def test_comment_beats() -> None:
    """The default heartbeat is a comment, which every SDK skips."""
    async with serving(_app(lambda: EventStream(Source().events(0), beat_s=0.02))) as (url, _):
        assert await _lines(url, 4) == [": ping", "", ": ping", ""]


async def test_event_beats() -> None:
    """Where events have ids the beat is an event with data."""
    make = lambda: EventStream(Source().events(0), beat_s=0.02, beats_with_events=True)  # noqa: E731
    async with serving(_app(make)) as (url, _):
        assert await _lines(url, 3) == ["event: ping", "data: {}", ""]


async def test_hang_up_ends_the_watching() -> None:
    """The source is closed soon after the reader left, whatever it waits for."""
    source = Source()
    async with serving(_app(lambda: EventStream(source.events(1)))) as (url, _):
        assert await _lines(url, 1) == ['data: {"n":0}']
        await until(lambda: not source.is_open)


async def test_head_does_not_start() -> None:
    """HEAD gets headers, and the source is not asked."""
    source = Source()
    async with (
        serving(_app(lambda: EventStream(source.events(1)))) as (url, _),
        httpx2.AsyncClient(verify=False) as client,
    ):
        answer = await client.head(url)
    assert (answer.status_code, answer.content) == (200, b"")
    assert source.is_open is False


async def test_shutdown_says_farewell() -> None:
    """A server that stops ends the answer in good order, with a last word."""
    source = Source()
    app = _app(lambda: EventStream(source.events(1), farewell=b"data: bye\n\n"))
    async with serving(app) as (url, _):
        received = b""
        async with httpx2.AsyncClient(verify=False) as client, client.stream("GET", url) as answer:
            async for piece in answer.aiter_raw():
                received += piece
                app.state.open_answers.end()
    assert received == b'data: {"n":0}\n\ndata: bye\n\n'
    assert source.is_open is False


async def test_a_stream_that_is_opened_too_late_ends_at_once() -> None:
    """With its farewell: nobody would end it later."""
    app = _app(lambda: EventStream(Source().events(1), farewell=b"data: bye\n\n"))
    async with serving(app) as (url, _), httpx2.AsyncClient(verify=False) as client:
        app.state.open_answers.end()
        answer = await client.get(url)
    assert answer.text.endswith("data: bye\n\n")
    assert "last" not in answer.text


async def test_a_failure_is_raised_as_it_is() -> None:
    """Whoever wraps the application sees what went wrong; the caller sees an answer that was cut."""
    failures: list[BaseException] = []

    async def failing() -> AsyncGenerator[bytes, None]:
        yield b"data: 1\n\n"
        raise LookupError("x")

    inner = _app(lambda: EventStream(failing()))
    inner.state.open_answers = OpenAnswers()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await inner(scope, receive, send)
        except LookupError as error:
            failures.append(error)
            raise

    async with serving(app) as (url, _), httpx2.AsyncClient(verify=False) as client:
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.get(url)
    assert [str(failure) for failure in failures] == ["x"]


async def test_a_known_failure_ends_the_answer_whole(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever watches is told to come back, and the log has a line instead of a traceback."""

    async def failing() -> AsyncGenerator[bytes, None]:
        yield b"data: 1\n\n"
        raise GatewayError(ErrorKind.STORE_UNAVAILABLE, "The store does not answer.")

    app = _app(lambda: EventStream(failing(), farewell=b"data: bye\n\n"))
    async with serving(app) as (url, _), httpx2.AsyncClient(verify=False) as client:
        answer = await client.get(url)
    assert answer.text == "data: 1\n\ndata: bye\n\n"
    assert "stream broken off" in caplog.text
    assert "Traceback" not in caplog.text


async def test_events_that_were_taken_before() -> None:
    """They come first, and the source is closed as ever."""
    source = Source()
    source.go.set()

    async def endpoint(request: Request) -> Response:
        events = source.events(2)
        return EventStream(events, first=await first_of(events))

    async with (
        serving(Starlette(routes=[Route("/", endpoint)])) as (url, _),
        httpx2.AsyncClient(verify=False) as client,
    ):
        answer = await client.get(url)
    assert answer.text == 'data: {"n":0}\n\ndata: {"n":1}\n\ndata: {"n":"last"}\n\n'
    assert not source.is_open


async def test_the_first_event() -> None:
    """Nothing of a source without events; the error of one that cannot begin."""

    async def source(*events: bytes, error: Exception | None = None) -> AsyncGenerator[bytes, None]:
        if error is not None:
            raise error
        for event in events:
            yield event

    assert await first_of(source()) == ()
    assert await first_of(source(b"1", b"2")) == (b"1",)
    with pytest.raises(GatewayError, match="away"):
        await first_of(source(error=GatewayError(ErrorKind.STORE_UNAVAILABLE, "away")))


async def test_watching_closes() -> None:
    """Leaving the block ends the iteration; an iterator without an end of its own is left alone."""
    source = Source()
    async with watching(source.events(3)) as events:
        async for _ in events:
            assert source.is_open
            break
    assert not source.is_open

    class Plain:
        def __aiter__(self) -> AsyncIterator[bytes]:
            return self

        async def __anext__(self) -> bytes:
            raise StopAsyncIteration

    async with watching(Plain()) as plain:
        assert [item async for item in plain] == []
