"""Carry one HTTP call to its handler and the answer back, with the scenario's faults in between."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from sora_gateway.simulator.access import authenticate, check_sentinel
from sora_gateway.simulator.backend import Backend
from sora_gateway.simulator.errors import EDGE_PAGE, RefusalError, invalid, refusal
from sora_gateway.simulator.fault_rules import (
    Fate,
    Fault,
    Hang,
    HtmlEdge,
    Latency,
    LoseAnswer,
    Reset,
    Slow,
    Stall,
    Status,
    Truncate,
)
from sora_gateway.simulator.faults import Occasion
from sora_gateway.simulator.protocol import Connection
from sora_gateway.simulator.records import Account

log = logging.getLogger(__name__)

JSON = "application/json"
_CRAWL_BYTES = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer: bytes at hand, or a stream of a known length."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = JSON
    headers: dict[str, str] | None = None
    stream: Callable[[], AsyncGenerator[bytes, None]] | None = None
    length: int | None = None

    @property
    def size_bytes(self) -> int:
        """The length of the whole body."""
        return len(self.body) if self.length is None else self.length


@dataclass(slots=True, kw_only=True)
class Call:
    """One call as a handler sees it."""

    backend: Backend
    request: Request
    headers: Headers
    query: dict[str, str]
    params: dict[str, str]
    now: float
    raw: bytes = b""
    caller: Account | None = None
    fate: Fate | None = None
    """What becomes of the task that is created, if a fault decides it."""

    @property
    def account(self) -> Account:
        """The authenticated account; only for routes that ask for one."""
        if self.caller is None:
            raise refusal("missing_bearer")
        return self.caller

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object.

        Raises:
            RefusalError: 400 ``invalid_request``, the body is something else.
        """
        try:
            body = json.loads(self.raw)
        except ValueError:
            raise invalid("The body is not valid JSON.") from None
        if not isinstance(body, dict):
            raise invalid("The body must be a JSON object.")
        return body

    def number(self, name: str, default: int, *, most: int = 100) -> int:
        """Return an integer query parameter between 1 and ``most``.

        Raises:
            RefusalError: 400 ``invalid_request``, it is no number.
        """
        try:
            return min(max(int(self.query.get(name, default)), 1), most)
        except ValueError:
            raise invalid(f"{name} must be a number.", name) from None


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method and path template with what it asks of its caller."""

    method: str
    template: str
    handler: Handler
    needs_bearer: bool = True
    needs_sentinel: bool = False
    is_control: bool = False
    """Control routes are neither counted nor struck by faults."""


def json_answer(value: Any, status: int = 200) -> Answer:
    """Return ``value`` as a JSON answer."""
    return Answer(status=status, body=json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def refused(error: RefusalError) -> Answer:
    """Return the answer of a refusal."""
    body = json.dumps(error.body, separators=(",", ":"), ensure_ascii=False).encode()
    return Answer(status=error.status, body=body, headers=error.headers or None)


async def serve(
    backend: Backend, route: Route, params: dict[str, str], scope: Scope, receive: Receive, send: Send
) -> None:
    """Serve one call of ``route``."""
    call = _call(backend, params, scope, receive)
    connection = Connection(dict(scope), receive)
    denial = _identify(call) if route.needs_bearer else None
    if route.method != "GET" and not call.headers.get("content-type", "").startswith("multipart/"):
        try:
            call.raw = await call.request.body()
        except ClientDisconnect:
            return
    if route.is_control:
        await send_answer(await _answer(route, call, denial), send, connection)
        return
    name = call.caller.name if call.caller else None
    backend.count(f"{route.method} {route.template}", name)
    struck = backend.faults.strike(_occasion(route, call, name))
    await _serve_struck(struck, route, call, denial, connection, send)


async def _serve_struck(
    struck: list[Fault],
    route: Route,
    call: Call,
    denial: RefusalError | None,
    connection: Connection,
    send: Send,
) -> None:
    await asyncio.sleep(sum(fault.seconds for fault in struck if isinstance(fault, Latency)))
    call.now = call.backend.clock()
    call.fate = next((fault for fault in struck if isinstance(fault, Fate)), None)
    match next((fault for fault in struck if not isinstance(fault, Latency | Fate)), None):
        case Reset():
            await connection.reset()
        case Status() as fault:
            await send_answer(_status_answer(fault), send, connection)
        case HtmlEdge(status=status):
            edge = {"cf-mitigated": "challenge", "server": "cloudflare"}
            page = Answer(
                status=status, body=EDGE_PAGE.encode(), content_type="text/html; charset=UTF-8", headers=edge
            )
            await send_answer(page, send, connection)
        case LoseAnswer():
            await _answer(route, call, denial)
            await connection.drop()
        case Hang():
            await _answer(route, call, denial)
            await connection.wait_closed()
        case Stall():
            await connection.wait_closed()
        case Slow(bytes_per_s=bytes_per_s):
            answer = _slowed(await _answer(route, call, denial), bytes_per_s)
            await send_answer(answer, send, connection)
        case Truncate(share=share):
            answer = await _answer(route, call, denial)
            await send_answer(answer, send, connection, most=int(answer.size_bytes * share))
            await connection.drop()
        case _:
            await send_answer(await _answer(route, call, denial), send, connection)


async def _answer(route: Route, call: Call, denial: RefusalError | None) -> Answer:
    try:
        if denial is not None:
            return refused(denial)
        if route.needs_sentinel:
            check_sentinel(call.backend.scenario.sentinel, call.headers)
        return await route.handler(call)
    except RefusalError as error:
        return refused(error)
    except Exception:
        log.exception("handler failed", extra={"route": f"{route.method} {route.template}"})
        return refused(refusal("internal_error"))


async def send_answer(answer: Answer, send: Send, connection: Connection, *, most: int | None = None) -> None:
    """Send ``answer``, or its head and the first ``most`` bytes of its body."""
    headers = [(b"content-length", str(answer.size_bytes).encode())] if answer.status != 204 else []
    if answer.content_type is not None and answer.status != 204:
        headers.append((b"content-type", answer.content_type.encode()))
    for name, value in (answer.headers or {}).items():
        headers.append((name.encode(), value.encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.stream is None or connection.is_head:
        body = answer.body if most is None else answer.body[:most]
        await send({"type": "http.response.body", "body": body, "more_body": most is not None})
        return
    async with aclosing(answer.stream()) as chunks:
        await _send_stream(chunks, send, connection, most)


async def _send_stream(
    chunks: AsyncIterator[bytes], send: Send, connection: Connection, most: int | None
) -> None:
    async for chunk in chunks:
        if connection.is_gone:
            await connection.wait_closed()
            return
        part = chunk if most is None else chunk[:most]
        await send({"type": "http.response.body", "body": part, "more_body": True})
        if most is not None:
            most -= len(part)
            if most <= 0:
                return
    if most is None:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _slowed(answer: Answer, bytes_per_s: float) -> Answer:
    """Return ``answer`` as a stream that waits before each piece for as long as the piece should take."""

    async def crawl() -> AsyncGenerator[bytes, None]:
        async with aclosing(answer.stream() if answer.stream is not None else _whole(answer.body)) as pieces:
            async for piece in pieces:
                for start in range(0, len(piece), _CRAWL_BYTES):
                    part = piece[start : start + _CRAWL_BYTES]
                    await asyncio.sleep(len(part) / bytes_per_s)
                    yield part

    return replace(answer, stream=crawl, length=answer.size_bytes)


async def _whole(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


def _call(backend: Backend, params: dict[str, str], scope: Scope, receive: Receive) -> Call:
    return Call(
        backend=backend,
        request=Request(scope, receive),
        headers=Headers(scope=scope),
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        params=params,
        now=backend.clock(),
    )


def _identify(call: Call) -> RefusalError | None:
    try:
        call.caller = authenticate(call.backend, call.headers.get("authorization"), call.now)
    except RefusalError as error:
        return error
    return None


def _occasion(route: Route, call: Call, account: str | None) -> Occasion:
    prompt = ""
    file = call.backend.state.files.get(call.params.get("id", ""))
    if file is not None:  # a signed link: whose file it is stands in its name
        account, prompt = call.backend.state.accounts[file.task.account_id].name, file.task.prompt
    if call.raw.startswith(b"{") and b'prompt"' in call.raw:
        try:
            body = json.loads(call.raw)
            prompt = str(body.get("prompt") or body.get("user_prompt") or "")
        except ValueError:
            prompt = ""
    return Occasion(
        method=route.method,
        template=route.template,
        path=call.request.url.path.removeprefix("/backend"),
        account=account,
        prompt=prompt,
    )


def _status_answer(fault: Status) -> Answer:
    if fault.error is not None and fault.body is None:
        error = refusal(fault.error, status=fault.status)
        error.headers.update(fault.headers)
        return refused(error)
    headers = dict(fault.headers) or None
    status = fault.status or 500
    if isinstance(fault.body, str):
        return Answer(
            status=status, body=fault.body.encode(), content_type="text/plain; charset=utf-8", headers=headers
        )
    body = fault.body if fault.body is not None else refusal("service_unavailable").body
    return Answer(status=status, body=json.dumps(body).encode(), headers=headers)
