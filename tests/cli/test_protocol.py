"""A connection costs a bounded number of bytes and a bounded time before its request is whole."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from sora_gateway.cli.protocol import MAX_HEAD_BYTES, protocol_of

IDLE_S = 0.2


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once on ``/early``, else when the body is whole, with its length."""
    size = 0
    more = scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    text = b"%d" % size
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]}
    )
    await send({"type": "http.response.body", "body": text})


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Return both ends of a connection to a server with little patience."""
    config = uvicorn.Config(
        _app, http=protocol_of(IDLE_S), port=0, lifespan="off", ws="none", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.002)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            async with asyncio.timeout(5):
                yield reader, writer
        finally:
            writer.close()
            server.should_exit = True
            await serving


def told(answer: bytes) -> tuple[int, str]:
    """Return status and code of an answer that ends the connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return int(head.split()[1]), error["code"]


async def _line(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split()[0])
    return head.split(b"\r\n")[0] + b" " + await reader.readexactly(length)


async def test_good_requests_pass() -> None:
    """One after the other on one connection, also in one go, also with a head that is just small enough."""
    large = b"X: " + b"a" * (MAX_HEAD_BYTES - 200) + b"\r\n"
    async with connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" * 2)
        assert [await _line(reader), await _line(reader)] == [b"HTTP/1.1 200 OK 3"] * 2
        await asyncio.sleep(2 * IDLE_S)  # between two requests it may be silent: that is keep-alive
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n" + large + b"\r\n")
        assert await _line(reader) == b"HTTP/1.1 200 OK 0"


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nX: " + b"a" * MAX_HEAD_BYTES + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * (MAX_HEAD_BYTES + 10),
        b"GET /" + b"a" * (MAX_HEAD_BYTES + 10),
        b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 20_000 + b"\r\n",
    ],
    ids=["whole", "cut off", "path", "many"],
)
async def test_large_heads(head: bytes) -> None:
    """They are refused with a status that no SDK repeats, whole or not."""
    async with connected() as (reader, writer):
        writer.write(head)
        assert told(await reader.read()) == (431, "headers_too_large")


@pytest.mark.parametrize("head", [b"\x16\x03\x01 noise\r\n\r\n", b"GET / HTTP/1.1\r\nX Y: a\r\n\r\n"])
async def test_what_is_no_http(head: bytes) -> None:
    """It is said in the form of every other error."""
    async with connected() as (reader, writer):
        writer.write(head)
        assert told(await reader.read()) == (400, "invalid_http")


async def test_slow_heads() -> None:
    """Bytes now and then do not lengthen the time that a head may take, on a second request neither."""
    async with connected() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await _line(reader) == b"HTTP/1.1 200 OK 0"
        async with asyncio.TaskGroup() as group:
            trickle = group.create_task(_trickle(writer))
            assert told(await reader.read()) == (400, "request_timeout")
            trickle.cancel()


async def _trickle(writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET / HTTP/1.1\r\n")
    while True:
        writer.write(b"X: a\r\n")
        await asyncio.sleep(IDLE_S / 5)


async def test_silence_from_the_start() -> None:
    """Who connects and says nothing is let go without a word."""
    async with connected() as (reader, _):
        assert await reader.read() == b""


async def test_a_body_that_nobody_waits_for() -> None:
    """After an early answer the rest of a body may come, but not for ever."""
    async with connected() as (reader, writer):
        writer.write(b"POST /early HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n")
        assert await _line(reader) == b"HTTP/1.1 200 OK 0"
        assert await reader.read() == b""


async def test_noise_behind_a_request_that_is_answered_later() -> None:
    """A broken chunk is told while the application waits for more of the body."""
    async with connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        assert told(await reader.read()) == (400, "invalid_http")
