"""Lines to the server of the living state: connections that are never renewed in silence."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError, RedisError, ResponseError

Command = Sequence[str | int | float]
OpenLine = Callable[[], Awaitable[AbstractConnection]]


class Lines:
    """Up to ``most`` lines, each used by one exchange at a time; one that broke is not used again.

    A client's pool connects anew when it finds a connection dead, and whoever reads a feed or waits for
    replicas would not learn of it.
    """

    def __init__(self, open_line: OpenLine, callbacks: Mapping[str, Any], most: int) -> None:
        self._open_line = open_line
        self._callbacks = callbacks
        self._room = asyncio.Semaphore(most)
        self._idle: list[AbstractConnection] = []
        self._busy: set[AbstractConnection] = set()

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands in one go on one line; return their answers in order, errors of the server as values.

        Raises:
            RedisError, OSError: the line broke; what was sent may have been carried out.
        """
        async with self._room:
            line = self._idle.pop() if self._idle else await self._open_line()
            self._busy.add(line)
            try:
                # A tenth of what redis-py's own packing takes.
                packed = [_packed(command) for command in commands]
                await line.send_packed_command(packed, check_health=False)
                answers = [await self._answer(line, str(command[0])) for command in commands]
            except (RedisError, OSError):
                await line.disconnect(nowait=True)
                await self._forget_idle()  # what ended this one has most likely ended them
                raise
            except BaseException:
                await line.disconnect(nowait=True)
                raise
            finally:
                self._busy.discard(line)
            if any(isinstance(one, ResponseError) and not isinstance(one, NoScriptError) for one in answers):
                # Moved, read-only, no longer a primary: the next exchange looks for the right server.
                await line.disconnect(nowait=True)
            elif line.is_connected:
                self._idle.append(line)
            return answers

    async def _forget_idle(self) -> None:
        idle, self._idle = self._idle, []
        for line in idle:
            await line.disconnect(nowait=True)

    async def drop(self) -> None:
        """Break all lines; whoever waits on one is told by an error."""
        await self._forget_idle()
        for line in tuple(self._busy):
            await line.disconnect(nowait=True)

    async def _answer(self, line: AbstractConnection, name: str) -> Any:
        try:
            # Without end: every exchange stands under its caller's deadline.
            answer = await line.read_response(timeout=math.inf)
        except ResponseError as error:
            return error
        callback = self._callbacks.get(name)
        return answer if callback is None else callback(answer)


def _packed(command: Sequence[Any]) -> bytes:
    name = str(command[0])
    words = name.split() if " " in name else [name]  # CONFIG GET
    packed: bytes = pack_command((*words, *command[1:]))
    return packed


def unless_errors(answers: list[Any]) -> list[Any]:
    """Return the answers of an exchange.

    Raises:
        ResponseError: the first of them that is one.
    """
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
