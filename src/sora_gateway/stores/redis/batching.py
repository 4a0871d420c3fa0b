"""Send what is asked for at the same time together.

A round trip costs the client more processor time than the server: some 100 µs, whether it carries one command
or fifty. A node that serves many callers makes few of them this way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from redis.exceptions import RedisError

from sora_gateway.stores.redis.lines import Command

Exchange = Callable[[Sequence[Command]], Awaitable[list[Any]]]
"""Sends commands in one go and returns their answers in order, errors of the server as values."""


class _Asked(NamedTuple):
    commands: Sequence[Command]
    answers: asyncio.Future[list[Any] | None]


class Batches:
    """Everything asked for within one turn of the event loop leaves together, in order but not atomically.

    Who asks first sends for all; there is no task that could be forgotten. If he is cancelled meanwhile, the
    others ask again: what is sent through here must bear repeating.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._asked: list[_Asked] = []

    async def run(self, commands: Sequence[Command]) -> list[Any]:
        """Return the answers in order; a refused command's answer is an exception in its place.

        Raises:
            RedisError, OSError: no answer came.
        """
        answers: asyncio.Future[list[Any] | None]
        while True:
            answers = asyncio.get_running_loop().create_future()
            self._asked.append(_Asked(commands, answers))
            if len(self._asked) == 1:
                return await self._send_all()
            found = await answers
            if found is not None:
                return found

    async def _send_all(self) -> list[Any]:
        """Send for all who asked, and return the answers of the first."""
        batch: list[_Asked] = []
        try:
            try:
                await asyncio.sleep(0)  # the others of this turn ask now
            finally:
                batch, self._asked = self._asked, []
            found = await self._exchange([command for asked in batch for command in asked.commands])
        except (RedisError, OSError) as error:
            for asked in batch[1:]:
                if not asked.answers.done():
                    asked.answers.set_exception(error)
            raise
        except BaseException:
            for asked in batch[1:]:
                if not asked.answers.done():
                    asked.answers.set_result(None)
            raise
        start = 0
        for asked in batch:
            end = start + len(asked.commands)
            if not asked.answers.done():
                asked.answers.set_result(found[start:end])
            start = end
        return found[: len(batch[0].commands)]
