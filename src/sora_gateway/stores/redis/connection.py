"""Speak to the store's servers: deadlines, repeats, scripts, confirmation by replicas, one kind of error."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from redis.exceptions import (
    AskError,
    ClusterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.kit.backoff import backoff_s
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.addresses import parse
from sora_gateway.stores.redis.breaker import Breaker, KeptAwayError
from sora_gateway.stores.redis.lines import Command, Lines, unless_errors
from sora_gateway.stores.redis.scripting import Script
from sora_gateway.stores.redis.transports import MOST_CALLS, Transport, open_transport

T = TypeVar("T")

_ANSWER_S = 2.5
_TRIES = 3
_MOST_WAITS = 8
_MOST_COMMITS = 32
_CONFIRM_SHARE = 0.4
_CONFIRM_TRIES = 2
_RETRY_AFTER_S = (1.0, 4.0)
_AWAY = "The store does not answer; nothing was lost that had been confirmed. Try again."
_REFUSED = (
    "The store refused this. The operator has to look at it, or its replicas are away. Try again later."
)
_FULL = "The store's memory is full; nothing was changed. Try again later."
_UNCONFIRMED = (
    "The store could not confirm this on as many servers as it should; it may still be carried out. "
    "The same request with the same Idempotency-Key finds it."
)


class Connection:
    """Bounded ways to the servers: for calls, for reads that wait, and for writes that replicas confirm.

    A call whose answer is lost is sent again, so everything sent through here must bear repeating.
    Every failure is ``GatewayError(store_unavailable)`` and names neither address nor content. While the
    server is away all but a probe now and then fail at once, so that its return meets no backlog.
    """

    def __init__(
        self, transport: Transport, *, answer_s: float, is_embedded: bool, replicas: int = 0
    ) -> None:
        self._transport = transport
        self._answer_s = answer_s
        self._try_s = answer_s * 1.5
        self._call_s = answer_s * _TRIES
        self._replicas = replicas
        self._room = asyncio.Semaphore(MOST_CALLS)
        self._breaker = Breaker()
        self._waits = Lines(transport.open_line, transport.callbacks, _MOST_WAITS)
        self._commits = Lines(transport.open_line, transport.callbacks, _MOST_COMMITS)
        self._primary = ""
        self.is_embedded = is_embedded

    async def run(
        self, script: Script, names: Sequence[str], args: Command, *, binding: Collection[str] = ()
    ) -> Any:
        """Run ``script`` and return its answer; it is sent whole only to a server that does not know it.

        Args:
            binding: answers (their first words) that count only once as many replicas have the write as were
                asked for; they are waited for in the same round trip.

        Raises:
            GatewayError(store_unavailable): also when too few replicas confirmed: what was written stays, and
                repeating the call settles it.
        """
        known = ("EVALSHA", script.sha, len(names), *names, *args)
        whole = ("EVAL", script.text, len(names), *names, *args)
        if binding and self._replicas:
            return await self._confirmed(known, whole, binding)

        async def send() -> Any:
            try:
                return await self._transport.execute(known)
            except NoScriptError:
                return await self._transport.execute(whole)

        return await self._asked(send)

    async def call(self, *command: str | int | float) -> Any:
        """Run one command and return its answer."""
        return await self._asked(lambda: self._transport.execute(command))

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands in order, not atomically; return their answers.

        One round trip; in a cluster one for each change between the living state and the archive.
        """
        if not commands:
            return []
        return await self._asked(lambda: self._transport.pipeline(commands))

    async def wait(self, commands: Sequence[Command], block_s: float) -> list[Any]:
        """Run commands of which one waits up to ``block_s``, on a connection that others do not need.

        Never repeated and never renewed in silence: whoever waits must notice that the server went away, it
        may have lost writes.
        """
        async with _answering(block_s + self._answer_s):
            if self._breaker.is_open:
                raise KeptAwayError
            answers = await self._waits.exchange(commands)
            return unless_errors(answers)

    async def confirm(self) -> None:
        """Wait until enough replicas have everything that was written before; nothing if none are asked for.

        Raises:
            GatewayError(store_unavailable): they do not.
        """
        if self._replicas:
            read = ("EXISTS", keys.FENCE)
            await self._confirmed(read, read, None)

    async def aclose(self) -> None:
        """Close all connections; calling it twice is fine."""
        await self._waits.drop()
        await self._commits.drop()
        await self._transport.aclose()

    async def _confirmed(self, known: Command, whole: Command, binding: Collection[str] | None) -> Any:
        # A repeat may write nothing, and WAIT asks only for what its own connection wrote: hence the fence.
        behind: list[Command] = [
            ("SET", keys.FENCE, secrets.token_hex(4)),
            ("WAIT", self._replicas, max(1, round(self._answer_s * _CONFIRM_SHARE * 1000))),
        ]

        async def send() -> list[Any]:
            answers = await self._commits.exchange([known, *behind])
            if isinstance(answers[0], NoScriptError):
                answers = await self._commits.exchange([whole, *behind])
            return unless_errors(answers)

        for _ in range(_CONFIRM_TRIES):
            answer, _, confirmed = await self._asked(send)
            if int(confirmed) >= self._replicas or (binding is not None and answer[0] not in binding):
                return answer
        raise GatewayError(ErrorKind.STORE_UNAVAILABLE, _UNCONFIRMED, retry_after_s=_retry_after_s())

    async def _asked(self, send: Callable[[], Awaitable[T]]) -> T:
        async with _answering(self._call_s), self._room:
            for tries in range(1, _TRIES):
                try:
                    return await self._tried(send)
                except _Unanswered as error:
                    if self._breaker.is_open:
                        raise error.cause from None
                await asyncio.sleep(backoff_s(tries, base_s=0.05, cap_s=0.2, jitter=0.8))
            try:
                return await self._tried(send)
            except _Unanswered as error:
                raise error.cause from None

    async def _tried(self, send: Callable[[], Awaitable[T]]) -> T:
        """Try once.

        Raises:
            _Unanswered: it may be tried again.
        """
        began_at = self._breaker.enter()
        try:
            async with asyncio.timeout(self._try_s):
                answer = await send()
        except (RedisError, RedisClusterException, OSError) as error:
            if _is_answer(error):
                self._breaker.succeeded()
                raise
            self._breaker.failed(began_at)
            raise _Unanswered(error) from error
        except BaseException:
            self._breaker.abandoned(began_at)
            raise
        self._breaker.succeeded()
        await self._follow()
        return answer

    async def _follow(self) -> None:
        """Tell whoever waits at the former primary that there is another one."""
        primary = self._transport.primary()
        if primary != self._primary:
            is_failover, self._primary = bool(self._primary), primary
            if is_failover:
                await self._waits.drop()
                await self._commits.drop()


class _Unanswered(Exception):  # noqa: N818 - no error to anybody but the loop of tries
    def __init__(self, cause: BaseException) -> None:
        super().__init__()
        self.cause = cause


def _is_answer(error: BaseException) -> bool:
    """Tell whether the right server said no, so that asking again is of no use."""
    is_elsewhere = isinstance(error, ReadOnlyError | ClusterDownError | TryAgainError | AskError)
    return isinstance(error, ResponseError) and not is_elsewhere


@asynccontextmanager
async def _answering(limit_s: float) -> AsyncIterator[None]:
    cancelled_before = _cancellations()
    try:
        async with asyncio.timeout(limit_s):
            yield
    except OutOfMemoryError as error:
        raise GatewayError(ErrorKind.STORE_UNAVAILABLE, _FULL, retry_after_s=_retry_after_s()) from error
    except (RedisError, RedisClusterException, OSError, KeptAwayError) as error:
        text = _REFUSED if _is_answer(error) else _AWAY
        raise GatewayError(ErrorKind.STORE_UNAVAILABLE, text, retry_after_s=_retry_after_s()) from error
    finally:
        # redis-py sends through asyncio.wait_for, which in Python 3.11 swallows a cancellation that comes
        # together with its result; a loop that is told to end would then go on for ever.
        if _cancellations() > cancelled_before:
            raise asyncio.CancelledError


def _cancellations() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0


def _retry_after_s() -> float:
    """Return when to come again: not the same for all, who otherwise came again all at once."""
    return random.uniform(*_RETRY_AFTER_S)  # noqa: S311 - spreads load, protects nothing


def connect(
    url: str, *, is_embedded: bool = False, answer_s: float = _ANSWER_S, replicas: int = 0
) -> Connection:
    """Return a connection to the servers at ``url``; nothing is sent before the first call.

    Args:
        url: as ``addresses.parse`` reads it.
        is_embedded: the gateway runs the server itself.
        answer_s: how long to wait for one answer; a call with its repeats ends within three times that.
        replicas: how many must have a write that binds us before it counts.

    Raises:
        ValueError: the URL cannot be read; the message does not repeat it, it may hold a password.
    """
    transport = open_transport(parse(url), answer_s)
    return Connection(transport, answer_s=answer_s, is_embedded=is_embedded, replicas=replicas)
