"""Two nodes' stores on one server, for machines that are not asynchronous themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from sora_gateway.stores.redis.cipher import FernetCipher
from sora_gateway.stores.redis.connection import Command, Connection, connect
from sora_gateway.stores.redis.scripting import Script
from sora_gateway.stores.redis.store import RedisStore

T = TypeVar("T")


class Stores:
    """Two nodes on one server. ``loses_answers``: scripts are run again, as after a lost answer."""

    def __init__(self, server: Path) -> None:
        self._runner = asyncio.Runner()
        self._connections = [connect(f"unix://{server}") for _ in range(2)]
        self.loses_answers = False
        self.nodes = [
            RedisStore(_Forgetful(connection, self), cipher=FernetCipher(["test key"]))  # type: ignore[arg-type]
            for connection in self._connections
        ]

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do ``work`` to its end."""
        return self._runner.run(work)

    def at_once(self, *calls: Callable[[], Awaitable[T]]) -> list[T]:
        """Make all calls at the same time; return their answers in the order of the calls."""
        return self.do(_at_once(calls))

    def clear(self) -> None:
        """Forget everything."""
        self.loses_answers = False
        self.do(self._connections[0].call("FLUSHALL"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._connections:
            self.do(connection.aclose())
        self._runner.close()


class _Forgetful:
    """A connection that may run each script twice and return the second answer."""

    def __init__(self, inner: Connection, stores: Stores) -> None:
        self._inner = inner
        self._stores = stores
        self.is_embedded = inner.is_embedded
        self.call = inner.call
        self.pipeline = inner.pipeline
        self.wait = inner.wait
        self.aclose = inner.aclose

    async def run(self, script: Script, keys: Sequence[str], args: Command, **more: Any) -> Any:
        if self._stores.loses_answers:
            await self._inner.run(script, keys, args, **more)
        return await self._inner.run(script, keys, args, **more)


async def _at_once(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    async def answer(call: Callable[[], Awaitable[T]]) -> T:
        return await call()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(answer(call)) for call in calls]
    return [task.result() for task in tasks]
