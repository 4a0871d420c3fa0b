"""Wrap the application: name each request, bound its body in size and time, catch what nobody expected.

Pure ASGI.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Collection
from functools import lru_cache
from typing import cast

import structlog
from fastapi import FastAPI
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.telemetry.logs import get_logger
from sora_gateway.telemetry.metrics import HTTP_REQUESTS, HTTP_SECONDS
from sora_gateway.web.cors import Cors
from sora_gateway.web.delivery import delivered
from sora_gateway.web.errors import internal, respond
from sora_gateway.web.mounts import mounted
from sora_gateway.web.pace import pace_headers

log = get_logger(__name__)

IDLE_S = 30.0
"""How long the sender of a body may be silent, unless the operator says otherwise."""

LEAST_BYTES_PER_S = 4096
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BODY = frozenset({b"content-length", b"transfer-encoding"})
_MOST_METERS = 4096


def request_id_of(scope: Scope) -> str:
    """Return the id of the request, as its answer shows it."""
    return cast(str, scope["state"]["request_id"])


class Mounts:
    """Takes the ``/sora`` prefix off, see ``mounts``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on as the routes want it."""
        await self._app(mounted(scope) if scope["type"] == "http" else scope, receive, send)


class Envelope:
    """Gives every answer its ids, its caller's pace and the time it took, and every fault an answer.

    A fault after the first byte cuts the connection, so that nobody takes half an answer for a whole one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req_{secrets.token_hex(12)}"
        name = request_id.encode()
        began_s = time.perf_counter()
        status = 0
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                took_s = time.perf_counter() - began_s
                _count(scope, status, took_s)
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", name),
                    (b"request-id", name),
                    (b"openai-processing-ms", b"%d" % (took_s * 1000)),
                    *pace_headers(scope),
                ]
            await send(message)

        try:
            await self._app(scope, receive, named)
            await delivered(scope, status)
        except ClientDisconnect:
            log.debug("caller hung up", path=scope["path"])
        except Exception as error:
            if status:
                raise
            if not isinstance(error, GatewayError):
                log.exception("request failed", method=scope["method"], path=scope["path"])
                error = internal(request_id)
            await respond(scope, error)(scope, receive, named)


def _count(scope: Scope, status: int, took_s: float) -> None:
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    requests, seconds = _meters(method, route, status)
    requests.inc()
    seconds.observe(took_s)


@lru_cache(_MOST_METERS)
def _meters(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Return the two to count with; looking their labels up anew costs ten times what counting costs."""
    return HTTP_REQUESTS.labels(method, route, status), HTTP_SECONDS.labels(route)


def _has_body(scope: Scope) -> bool:
    return scope["type"] == "http" and any(name in _BODY for name, _ in scope["headers"])


class BodyLimit:
    """Refuses bodies that are too large: at once where the length is stated, else when they turn out so."""

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what is received."""
        if not _has_body(scope):
            await self._app(scope, receive, send)
            return
        stated = Headers(scope=scope).get("content-length", "")
        if stated.isdecimal() and int(stated[:20]) > self._limit_bytes:
            raise self._too_large()
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit_bytes:
                raise self._too_large()
            return message

        await self._app(scope, counted, send)

    def _too_large(self) -> GatewayError:
        limit = self._limit_bytes / 2**20
        return GatewayError(
            ErrorKind.TOO_LARGE, f"The request is too large; at most {limit:.0f} MiB are allowed."
        )


class Patience:
    """Gives up on bodies that stop coming, or come too slowly, when somebody waits for them.

    Silence may last ``idle_s``. Beyond four times that, waiting in all, a body must come at
    ``LEAST_BYTES_PER_S`` or more. The answer is a 400, since SDKs would send the request again after a 408,
    and ends the connection. The wait for a hang-up, once the body is whole, is not bounded.
    """

    def __init__(self, app: ASGIApp, idle_s: float) -> None:
        self._app = app
        self._idle_s = idle_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, looking at the clock while its body comes in."""
        if not _has_body(scope):
            await self._app(scope, receive, send)
            return
        is_whole = has_failed = False
        waited_s, received_bytes = 0.0, 0

        async def patient() -> Message:
            nonlocal is_whole, has_failed, waited_s, received_bytes
            if is_whole:
                return await receive()
            left_s = 4 * self._idle_s + received_bytes / LEAST_BYTES_PER_S - waited_s
            began_s = time.perf_counter()
            try:
                async with asyncio.timeout(min(self._idle_s, left_s)):
                    message = await receive()
            except TimeoutError:
                has_failed = True
                raise self._too_slow() from None
            waited_s += time.perf_counter() - began_s
            received_bytes += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            return message

        async def closing(message: Message) -> None:
            if has_failed and message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await self._app(scope, patient, closing)

    def _too_slow(self) -> GatewayError:
        return GatewayError(
            ErrorKind.INVALID_REQUEST,
            f"The body of the request stopped coming: nothing for {self._idle_s:g} s, or less than "
            f"{LEAST_BYTES_PER_S // 1024} KiB a second. Check the connection, or the stated Content-Length.",
            code="request_timeout",
        )


def install(
    app: FastAPI, *, max_body_bytes: int, idle_s: float = IDLE_S, cors_origins: Collection[str] = ()
) -> None:
    """Wrap ``app``. Call it last, after its own middleware was added; ``errors.install`` is needed too."""
    app.add_middleware(BodyLimit, limit_bytes=max_body_bytes)
    app.add_middleware(Patience, idle_s=idle_s)
    app.add_middleware(Envelope)
    app.add_middleware(Mounts)
    if cors_origins:
        app.add_middleware(Cors, origins=cors_origins)
