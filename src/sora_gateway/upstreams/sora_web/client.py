"""Speak HTTP with the Sora web backend: one request in, one complete answer (or what became of it) out."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.kit.clock import boottime
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.upstream import InputFile
from sora_gateway.telemetry import metrics
from sora_gateway.upstreams.sora_web.config import SENTINEL_HEADER, SoraWebConfig
from sora_gateway.upstreams.sora_web.connections import Connections
from sora_gateway.upstreams.sora_web.sending import FileForm
from sora_gateway.upstreams.sora_web.wire import Answer

_IDS = re.compile(
    r"(?<=/)(?:(?:task|gen|media|file|ch|s|cameo)_|user-)[A-Za-z0-9_-]+"
    r"|(?<=/in_progress/)[^/]+|(?<=/owned/)[^/]+|(?<=/by_id/)[^/]+"  # opaque ids of cameos
)
_MOST_ANSWER_BYTES = 32 * 1024 * 1024
_MOST_HOPS = 3
_DEAD_LINK = frozenset({403, 404, 410})
_CONNECTION_ERRORS = (httpx2.NetworkError, httpx2.RemoteProtocolError)
_ALL_ERRORS = (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who calls. ``device_id`` is always the same for one account."""

    token: Secret
    proxy: Secret | None = None
    device_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """Not one byte of the request left."""

    error: GatewayError


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """The request left, at least in part, and no complete answer came."""

    error: GatewayError


Trace = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Is told what the HTTP library does: the name of an event, and what belongs to it."""


class TooLateError(Exception):
    """The moment until which the request might have been sent is over."""


class _Departure:
    """Watches a request leave: refuses when it is too late, and starts the clock of the answer.

    The request of a proxy's tunnel passes by the same way and is let through.
    """

    def __init__(self, send_before: float, answer_s: float) -> None:
        self._send_before = send_before
        self._answer_s = answer_s
        self.deadline: asyncio.Timeout | None = None
        self.has_left = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of what the HTTP library does.

        Raises:
            TooLateError: not one byte has left, and now none may.
        """
        name = event.partition(".")[2]
        if not name.endswith(".started") or not name.startswith(("send_request", "receive_response")):
            return
        request = info.get("request")
        if self.has_left or (request is not None and request.method == b"CONNECT"):
            return
        if boottime() >= self._send_before:
            raise TooLateError
        self.has_left = True
        if self.deadline is not None:
            self.deadline.reschedule(asyncio.get_running_loop().time() + self._answer_s)


class FileBody:
    """A file on its way from the backend."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self.media_type: str | None = _media_type(response.headers.get("content-type"))
        self.size_bytes: int | None = _length(response.headers)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes once, in pieces of at most 1 MiB.

        Raises:
            GatewayError(upstream_unreachable): the file host stopped before the end.
        """
        try:
            async for chunk in self._response.aiter_raw(1024 * 1024):
                yield chunk
        except _ALL_ERRORS as error:
            raise unreachable("The file host broke off", error) from error


class Client:
    """Calls the backend for any account. Raises only ``GatewayError``."""

    def __init__(self, config: SoraWebConfig) -> None:
        self._config = config
        self._connections = Connections(config.max_clients)

    async def get(self, access: Access, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to a GET; a broken connection is tried once more, on a new one.

        Raises:
            GatewayError(upstream_unreachable): no complete answer came.
        """
        try:
            async with (
                asyncio.timeout(self._config.read_timeout_s),
                self._connections.borrow(access.token, access.proxy) as lines,
            ):
                for client in (lines.reading, lines.sending):
                    request = client.build_request(
                        "GET", self._config.url(path), params=params, headers=self._headers(access)
                    )
                    try:
                        return await _answer(client, request)
                    except _CONNECTION_ERRORS:
                        if client is lines.sending:
                            raise
        except _ALL_ERRORS as error:
            raise unreachable("The backend gave no answer", error) from error
        raise AssertionError("unreachable")

    async def call(
        self, access: Access, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Answer:
        """Return the answer to a call that is sent once, on a connection of its own.

        Raises:
            GatewayError(upstream_unreachable): no complete answer came; it may have been done or not.
        """
        headers = self._headers(access) | {"origin": self._config.origin}
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            headers["content-type"] = "application/json"
        try:
            async with (
                asyncio.timeout(self._config.create_timeout_s),
                self._connections.borrow(access.token, access.proxy) as lines,
            ):
                url = self._config.url(path)
                request = lines.sending.build_request(method, url, headers=headers, content=content)
                return await _answer(lines.sending, request)
        except _ALL_ERRORS as error:
            raise unreachable("The backend gave no answer", error) from error

    async def upload(
        self,
        access: Access,
        path: str,
        *,
        name: str,
        media_type: str,
        content: bytes | InputFile,
        fields: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the answer to the upload of a file; ``fields`` go with it, by default its name.

        An ``InputFile`` is read as fast as the backend takes them.

        Raises:
            GatewayError(upstream_unreachable): no complete answer came.
        """
        body = FileForm(
            fields={"file_name": name} if fields is None else fields,
            name=name,
            media_type=media_type,
            content=content,
        )
        try:
            async with (
                asyncio.timeout(self._config.upload_timeout_s),
                self._connections.borrow(access.token, access.proxy) as lines,
                aclosing(body.pieces()) as pieces,
            ):
                request = lines.sending.build_request(
                    "POST",
                    self._config.url(path),
                    headers=self._headers(access, is_guarded=True) | body.headers,
                    content=pieces,
                )
                return await _answer(lines.sending, request)
        except _ALL_ERRORS as error:
            raise unreachable("The backend did not take the file", error) from error

    async def exchange(
        self,
        key: Secret,
        proxy: Secret | None,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None = None,
    ) -> Answer:
        """Return the answer to a call that asks for a credential; ``key`` is the one that is shown for it.

        Raises:
            GatewayError(upstream_unreachable): no complete answer came; the call may have arrived.
        """
        try:
            async with (
                asyncio.timeout(self._config.read_timeout_s),
                self._connections.borrow(key, proxy) as lines,
            ):
                request = lines.sending.build_request(method, url, headers=dict(headers), content=content)
                return await _answer(lines.sending, request)
        except _ALL_ERRORS as error:
            raise unreachable("No new access token came from the backend", error) from error

    async def create(
        self, access: Access, path: str, body: Mapping[str, Any], *, send_before: float
    ) -> Answer | Unsent | Unanswered:
        """Send one creation at most once, on a connection of its own, and say what became of it.

        ``send_before`` is CLOCK_BOOTTIME, compared when the connection stands and the first byte is about
        to leave. Raises nothing but CancelledError.
        """
        departure = _Departure(send_before, self._config.create_timeout_s)
        answer: Answer | None = None
        failure: Exception | None = None
        try:
            async with self._connections.borrow(access.token, access.proxy) as lines:
                request = lines.sending.build_request(
                    "POST",
                    self._config.url(path),
                    headers=self._headers(access, is_guarded=True) | {"content-type": "application/json"},
                    content=json.dumps(body).encode(),
                )
                async with asyncio.timeout(self._config.connect_timeout_s) as departure.deadline:
                    answer = await _answer(lines.sending, request, departure.trace)
        except Exception as error:  # noqa: BLE001 - whatever it was: all that counts is whether the request left
            failure = error
        if answer is not None:
            return answer
        if departure.has_left:
            return Unanswered(error=unreachable("The backend gave no answer to the creation", failure))
        return Unsent(error=_unsent(failure))

    @asynccontextmanager
    async def file(self, access: Access, url: str) -> AsyncIterator[FileBody]:
        """Open the file at ``url``, which needs no credential.

        Raises:
            GatewayError(expired): the link is dead.
            GatewayError(upstream_unreachable): the file host did not answer, or the link may not be followed.
        """
        async with self._connections.borrow(access.token, access.proxy) as lines:
            response = await self._opened(lines.reading, url)
            try:
                yield FileBody(response)
            finally:
                await response.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._connections.aclose()

    async def _opened(self, client: httpx2.AsyncClient, url: str) -> httpx2.Response:
        for _ in range(_MOST_HOPS):
            if not self._config.may_fetch(url):
                raise GatewayError(
                    ErrorKind.UPSTREAM_UNREACHABLE, "The backend's link to the file may not be followed."
                )
            response = await self._open_once(client, url)
            if response.is_success:
                return response
            await response.aclose()
            if response.status_code in _DEAD_LINK:
                raise GatewayError(ErrorKind.EXPIRED, "The backend's link to the file has expired.")
            if response.next_request is None:
                raise GatewayError(
                    ErrorKind.UPSTREAM_UNREACHABLE,
                    f"The file host answered with status {response.status_code}.",
                )
            url = str(response.next_request.url)
        raise GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "The file host sends from one link to the next.")

    async def _open_once(self, client: httpx2.AsyncClient, url: str) -> httpx2.Response:
        limit_s = self._config.file_timeout_s
        headers = {"user-agent": self._config.user_agent, "accept": "*/*", "accept-encoding": "identity"}
        try:
            request = client.build_request("GET", url, headers=headers, timeout=httpx2.Timeout(limit_s))
            async with asyncio.timeout(limit_s):
                return await _sent(client, request)
        except _ALL_ERRORS as error:
            raise unreachable("The file host did not answer", error) from error

    def _headers(self, access: Access, *, is_guarded: bool = False) -> dict[str, str]:
        """Return the headers of Sora web protocol, section 0.4; a guarded call is a POST of section 2."""
        token = access.token.reveal()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise GatewayError(ErrorKind.ACCOUNT_AUTH, "The account's access token is not one.")
        headers = {
            "authorization": f"Bearer {token}",
            "accept": "application/json",
            "user-agent": self._config.user_agent,
            "oai-language": self._config.language,
        }
        if access.device_id is not None:
            headers["oai-device-id"] = access.device_id
        if is_guarded:
            headers |= {"origin": self._config.origin, "referer": f"{self._config.origin}/"}
            if self._config.sentinel_token is not None:
                headers[SENTINEL_HEADER] = self._config.sentinel_token.reveal()
        return headers


def unreachable(what: str, error: Exception | None) -> GatewayError:
    """Return an error that says what failed, without any address."""
    reason = "it took too long" if isinstance(error, TimeoutError | httpx2.TimeoutException) else None
    reason = reason or type(error).__name__
    return GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, f"{what} ({reason}).")


def _unsent(failure: Exception | None) -> GatewayError:
    if isinstance(failure, GatewayError):
        return failure
    if isinstance(failure, TooLateError):
        return GatewayError(
            ErrorKind.UPSTREAM_UNREACHABLE, "The connection stood too late to send the creation."
        )
    return unreachable("The backend could not be reached", failure)


async def _sent(
    client: httpx2.AsyncClient, request: httpx2.Request, watch: Trace | None = None
) -> httpx2.Response:
    """Send ``request`` and return the beginning of its answer; ``watch`` is told how it goes.

    The HTTP library forgets a socket whose TLS or SOCKS handshake fails or is cancelled: it is closed here.
    """
    sockets: list[Any] = []

    async def trace(event: str, info: Mapping[str, Any]) -> None:
        if event.endswith("connect_tcp.complete"):
            sockets.append(info["return_value"])
        if watch is not None:
            await watch(event, info)

    request.extensions["trace"] = trace
    try:
        return await client.send(request, stream=True)
    except BaseException:
        for socket in sockets:
            await socket.aclose()
        raise


async def _answer(client: httpx2.AsyncClient, request: httpx2.Request, watch: Trace | None = None) -> Answer:
    """Return the complete answer to ``request``, and count it."""
    outcome = "no_answer"
    try:
        answer = await _whole_answer(client, request, watch)
        outcome = str(answer.status)
        return answer
    finally:
        metrics.UPSTREAM_CALLS.labels("sora_web", _IDS.sub("{id}", request.url.path), outcome).inc()


async def _whole_answer(client: httpx2.AsyncClient, request: httpx2.Request, watch: Trace | None) -> Answer:
    response = await _sent(client, request, watch)
    try:
        pieces: list[bytes] = []
        size_bytes = 0
        async for piece in response.aiter_bytes():
            pieces.append(piece)
            size_bytes += len(piece)
            if size_bytes > _MOST_ANSWER_BYTES:
                raise httpx2.DecodingError("the answer is too long", request=request)
    finally:
        await response.aclose()
    return Answer(
        status=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=b"".join(pieces),
    )


def _media_type(value: str | None) -> str | None:
    return value.partition(";")[0].strip().lower() or None if value else None


def _length(headers: httpx2.Headers) -> int | None:
    value = headers.get("content-length", "")
    is_plain = headers.get("content-encoding", "identity") == "identity"
    return int(value) if is_plain and value.isdecimal() else None
