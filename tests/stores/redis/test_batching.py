"""Prove that commands of one moment share a round trip and nobody pays for another's fate."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError, ResponseError

from sora_gateway.stores.redis.batching import Batches
from sora_gateway.stores.redis.lines import Lines


@pytest.fixture
async def client(server_path: Path) -> AsyncIterator[Redis]:
    """A client of a real server."""
    async with Redis.from_url(f"unix://{server_path}", decode_responses=True, protocol=2) as made:
        await made.flushall()
        yield made


@pytest.fixture
async def batches(client: Redis) -> AsyncIterator[Batches]:
    """What sends through lines to the server of ``client``."""

    async def open_line() -> AbstractConnection:
        pool: ConnectionPool = client.connection_pool
        line: AbstractConnection = pool.make_connection()
        await line.connect()
        return line

    lines = Lines(open_line, {}, 4)
    yield Batches(lines.exchange)
    await lines.drop()


async def reads(client: Redis) -> int:
    """Return how often the server read from a socket."""
    return int((await client.info("stats"))["total_reads_processed"])


async def test_what_is_asked_at_once_is_one_round_trip(client: Redis, batches: Batches) -> None:
    """Each gets his own answers, in order."""
    await batches.run([("PING",)])  # opens the line
    before = await reads(client)
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(batches.run([("SET", f"k{i}", i), ("GET", f"k{i}")])) for i in range(30)]
    assert await reads(client) - before == 2  # the batch, and the question
    assert [task.result() for task in asked] == [["OK", str(i)] for i in range(30)]


async def test_a_refused_command_is_its_own_askers_concern(client: Redis, batches: Batches) -> None:
    """The others get their answers."""
    await client.set("text", "x")
    async with asyncio.TaskGroup() as group:
        good = group.create_task(batches.run([("GET", "text")]))
        bad = group.create_task(batches.run([("INCR", "text"), ("GET", "text")]))
    assert good.result() == ["x"]
    refused, found = bad.result()
    assert isinstance(refused, ResponseError)
    assert found == "x"
    (alone,) = await batches.run([("INCR", "text")])
    assert isinstance(alone, ResponseError)


@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_whoever_leaves_takes_nobody_along(batches: Batches, turns: int) -> None:
    """The first one sends for all; when he is cancelled, before or while he sends, the others ask again."""
    first = asyncio.ensure_future(batches.run([("PING",)]))  # noqa: TID251 - cancelled below
    others = [asyncio.ensure_future(batches.run([("INCR", "n")])) for _ in range(3)]  # noqa: TID251
    for _ in range(turns):
        await asyncio.sleep(0)
    first.cancel()
    others[0].cancel()
    async with asyncio.timeout(5):
        rest = [await one for one in others[1:]]
    assert all(isinstance(answer, int) for (answer,) in rest)
    assert {answer for (answer,) in rest} <= {1, 2, 3, 4, 5, 6}
    with contextlib.suppress(asyncio.CancelledError):  # redis-py can swallow it, see Connection
        await first


async def test_all_hear_that_no_answer_came() -> None:
    """Nobody waits for ever."""

    async def broken(_: Sequence[Any]) -> list[Any]:
        raise RedisError("gone")

    batches = Batches(broken)

    async def ask(commands: Sequence[tuple[str, ...]]) -> str:
        try:
            await batches.run(commands)
        except RedisError as error:
            return str(error)
        return "answered"

    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(ask([("PING",)])) for _ in range(3)]
    assert {task.result() for task in asked} == {"gone"}
