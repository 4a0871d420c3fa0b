"""Speak to a Redis or valkey server: timeouts, repeats, scripts, and one kind of error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)
from redis.exceptions import (
    NoScriptError,
    ReadOnlyError,
    RedisError,
)
from redis.exceptions import (
    TimeoutError as RedisTimeoutError,
)

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.stores.redis.scripting import Script

Command = Sequence[str | int | float]

_ANSWER_S = 2.5
_REPEATS = 2
_MOST_CONNECTIONS = 48
_MOST_BLOCKING = 8
_HEALTH_CHECK_S = 20
_RETRY_AFTER_S = 1.0


class Connection:
    """Two bounded pools to one server: one for calls, one for reads that wait.

    A call whose answer is lost is sent again, so everything sent through here must bear repeating.
    Every failure is ``GatewayError(store_unavailable)`` and names neither address nor content.
    """

    def __init__(self, calls: Redis, waits: Redis, *, answer_s: float, is_embedded: bool) -> None:
        self._calls = calls
        self._waits = waits
        self._answer_s = answer_s
        self._call_s = answer_s * (_REPEATS + 1)
        self.is_embedded = is_embedded

    async def run(self, script: Script, keys: Sequence[str], args: Command) -> Any:
        """Run ``script`` and return its answer; it is sent whole only to a server that does not know it."""
        async with _answering(self._call_s):
            try:
                return await _execute(self._calls, "EVALSHA", script.sha, len(keys), *keys, *args)
            except NoScriptError:
                return await _execute(self._calls, "EVAL", script.text, len(keys), *keys, *args)

    async def call(self, *command: str | int | float) -> Any:
        """Run one command and return its answer."""
        async with _answering(self._call_s):
            return await _execute(self._calls, *command)

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands in one round trip, in order, not atomically; return their answers."""
        if not commands:
            return []
        async with _answering(self._call_s):
            return await _pipelined(self._calls, commands)

    async def wait(self, commands: Sequence[Command], block_s: float) -> list[Any]:
        """Run commands of which one waits up to ``block_s``, on a connection that others do not need."""
        async with _answering(block_s + self._answer_s):
            return await _pipelined(self._waits, commands)

    async def aclose(self) -> None:
        """Close all connections; calling it twice is fine."""
        for client in (self._calls, self._waits):
            await client.aclose()
            await client.connection_pool.disconnect()


async def _execute(client: Any, *command: str | int | float) -> Any:
    # redis-py leaves this method untyped.
    return await client.execute_command(*command)


async def _pipelined(client: Redis, commands: Sequence[Command]) -> list[Any]:
    async with client.pipeline(transaction=False) as pipe:
        for command in commands:
            pipe.execute_command(*command)
        answers: list[Any] = await pipe.execute()
        return answers


@asynccontextmanager
async def _answering(limit_s: float) -> AsyncIterator[None]:
    cancelled_before = _cancellations()
    try:
        async with asyncio.timeout(limit_s):
            yield
    except (RedisError, OSError) as error:
        message = "The store does not answer; nothing was lost that had been confirmed. Try again."
        raise GatewayError(ErrorKind.STORE_UNAVAILABLE, message, retry_after_s=_RETRY_AFTER_S) from error
    finally:
        # redis-py sends through asyncio.wait_for, which in Python 3.11 swallows a cancellation that comes
        # together with its result; a loop that is told to end would then go on for ever.
        if _cancellations() > cancelled_before:
            raise asyncio.CancelledError


def _cancellations() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0


def connect(url: str, *, is_embedded: bool = False, answer_s: float = _ANSWER_S) -> Connection:
    """Return a connection to the server at ``url``; nothing is sent before the first call.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``, as redis-py reads it.
        is_embedded: the gateway runs the server itself.
        answer_s: how long to wait for one answer; a call with its repeats ends within three times that.

    Raises:
        ValueError: the URL cannot be read; the message does not repeat it, it may hold a password.
    """
    scheme = urlsplit(url).scheme
    opener = _SCHEMES.get(scheme)
    if opener is None:
        known = ", ".join(f"{name}://" for name in _SCHEMES)
        raise ValueError(
            f"The store's URL must begin with one of {known}; it begins with {scheme or 'none'!r}."
        )
    return opener(url, is_embedded, answer_s)


def _standalone(url: str, is_embedded: bool, answer_s: float) -> Connection:
    calls = _client(url, _MOST_CONNECTIONS, answer_s, answer_s, _REPEATS)
    # No socket timeout: each waiting read stands under its own deadline. No silent repeat either: whoever
    # waits must notice that the server went away, it may have lost writes.
    waits = _client(url, _MOST_BLOCKING, answer_s, None, 0)
    return Connection(calls, waits, answer_s=answer_s, is_embedded=is_embedded)


# Sentinel and Cluster get their line here.
_SCHEMES: Mapping[str, Callable[[str, bool, float], Connection]] = {
    "redis": _standalone,
    "rediss": _standalone,
    "unix": _standalone,
}


def _client(url: str, most: int, connect_s: float, answer_s: float | None, repeats: int) -> Redis:
    retry = Retry(
        ExponentialWithJitterBackoff(cap=0.2, base=0.02),
        repeats,
        # A replica that was the primary a moment ago: connect anew, the address may lead elsewhere.
        supported_errors=(RedisConnectionError, RedisTimeoutError, ReadOnlyError),
    )
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=most,
            timeout=connect_s * (_REPEATS + 1),
            socket_connect_timeout=connect_s,
            socket_timeout=answer_s,
            health_check_interval=_HEALTH_CHECK_S,
            retry=retry,
            # Everything we keep is text: ids, JSON in ASCII, base64. hiredis decodes it in C.
            decode_responses=True,
            protocol=2,
        )
    except ValueError:
        raise ValueError("The store's URL cannot be read: check its port, database and options.") from None
    return Redis(connection_pool=pool)
