"""Prove that a line is used by one at a time, and never renewed in silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.exceptions import RedisError, ResponseError

from sora_gateway.stores.redis.addresses import parse
from sora_gateway.stores.redis.lines import Lines
from sora_gateway.stores.redis.transports import Transport, open_transport


@pytest.fixture
async def transport(server_path: Path) -> AsyncIterator[Transport]:
    """A way to a real server."""
    opened = open_transport(parse(f"unix://{server_path}"), 1.0)
    yield opened
    await opened.aclose()


@pytest.fixture
async def lines(transport: Transport) -> AsyncIterator[Lines]:
    """Two lines."""
    made = Lines(transport.open_line, transport.callbacks, 2)
    yield made
    await made.drop()


async def _id(lines: Lines) -> int:
    (number,) = await lines.exchange([("CLIENT", "ID")])
    return int(number)


async def test_answers_in_order(lines: Lines) -> None:
    """Values as the client's own; what the server refuses is a value too."""
    commands = [("SET", "lines", "1"), ("HGET", "lines", "x"), ("GET", "lines"), ("DEL", "lines")]
    first, refused, value, _ = await lines.exchange(commands)
    assert (first, value) == (True, "1")
    assert isinstance(refused, ResponseError)


async def test_a_line_is_used_again_while_it_holds(lines: Lines) -> None:
    """Not after the server refused something: it may be the wrong one by now."""
    number = await _id(lines)
    assert await _id(lines) == number
    await lines.exchange([("NO-SUCH-COMMAND",)])
    assert await _id(lines) != number


async def test_no_more_than_there_may_be(lines: Lines, transport: Transport) -> None:
    """The third waits for one of two."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_id(lines)) for _ in range(20)]
    assert len({task.result() for task in tasks}) <= 2


async def test_whoever_waits_is_told_when_lines_are_dropped(lines: Lines, transport: Transport) -> None:
    """The next exchange has a new line."""
    number = await _id(lines)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(_waited(lines))
        while not await _blocked(transport):  # noqa: ASYNC110 - the server wakes nobody
            await asyncio.sleep(0.005)
        await lines.drop()
    assert isinstance(waiting.result(), RedisError | OSError)
    assert await _id(lines) != number


async def _waited(lines: Lines) -> Exception:
    try:
        await lines.exchange([("BLPOP", "nothing-comes", 30)])
    except (RedisError, OSError) as error:
        return error
    raise AssertionError("the line held")


async def _blocked(transport: Transport) -> bool:
    info = await transport.execute(("INFO", "clients"))
    return int(info["blocked_clients"]) > 0


async def test_a_dead_line_is_told(lines: Lines, transport: Transport) -> None:
    """Even if it died while nobody used it."""
    number = await _id(lines)
    await transport.execute(("CLIENT", "KILL", "ID", number))
    with pytest.raises((RedisError, OSError)):
        await _id(lines)
    assert await _id(lines) != number
