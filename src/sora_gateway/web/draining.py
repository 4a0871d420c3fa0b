"""Turn new requests away while the process ends, so that callers come back to another one. Pure ASGI."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sora_gateway.domain.errors import ErrorKind, GatewayError

COME_BACK = b": the server is being restarted\nretry: 1000\nevent: ping\ndata: {}\n\n"
"""The last words of a stream whose events have ids: whoever watches comes back for the rest after a second.

A ping, since clients that expect data with every event stumble over words without.
"""

_RETRY_AFTER_S = 1.0
_STREAM = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"connection", b"close"),
]


class Draining:
    """Lets everything through until ``begin``; what comes later is told to come back, and to whom not.

    A browser's ``EventSource`` gives up for good after a 503, so whoever asks for a stream of events gets
    one that says no more than when to come back.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._is_on = False

    def begin(self) -> None:
        """Turn away what comes from now on."""
        self._is_on = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or turn it away; either way its connection ends."""
        if scope["type"] != "http" or not self._is_on:
            await self._app(scope, receive, send)
            return
        if scope["method"] == "GET" and "text/event-stream" in Headers(scope=scope).get("accept", ""):
            await send({"type": "http.response.start", "status": 200, "headers": _STREAM})
            await send({"type": "http.response.body", "body": COME_BACK})
            return
        scope.setdefault("state", {})["is_stopping"] = True

        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive, closing)


def is_stopping(scope: Scope) -> bool:
    """Tell whether the request came after the process was told to end."""
    return bool(scope.get("state", {}).get("is_stopping"))


def turned_away() -> GatewayError:
    """Return the refusal of a request that came too late: nothing was done, so it may be sent again."""
    message = "The server is being restarted; nothing was done. Send the request again."
    return GatewayError(
        ErrorKind.STORAGE_UNAVAILABLE, message, code="server_stopping", retry_after_s=_RETRY_AFTER_S
    )
