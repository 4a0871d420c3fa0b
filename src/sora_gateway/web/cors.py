"""Let pages of other origins call the gateway from a browser (CORS). Pure ASGI; off by default."""

from __future__ import annotations

import re
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ANY = "*"
METHODS = "GET, HEAD, POST, DELETE"
EXPOSED = (
    "x-request-id",
    "request-id",
    "openai-processing-ms",
    "openai-poll-after-ms",
    "retry-after",
    "x-should-retry",
    "content-disposition",
    "content-length",
    "content-range",
    "accept-ranges",
    "etag",
    "location",
    "preference-applied",
)
"""What a page may read of an answer, beside the few headers that every browser shows."""

_ORIGIN = re.compile(r"^[a-z][a-z0-9+.-]*://[^\s/,@?#]+$")
_NAMES = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:\s*,\s*[A-Za-z0-9!#$%&'*+.^_`|~-]+)*$")
_LONGEST_NAMES = 4096
_MAX_AGE_S = 600


def origins_of(text: str) -> frozenset[str]:
    """Return the origins in ``text``, separated by commas; ``*`` is any.

    Raises:
        ValueError: one of them is no origin; the text says which and what would be right.
    """
    origins = frozenset(part.strip().lower() for part in text.split(",") if part.strip())
    for origin in sorted(origins - {ANY}):
        if not _ORIGIN.match(origin):
            raise ValueError(
                f"'{origin}' is no origin; it should look like https://chat.example.org, or be *"
            )
    return origins


class Cors:
    """Answers preflights without asking for a key, and marks every other answer, errors included.

    The headers that a page asks for are allowed by name, since a ``*`` does not cover ``authorization``.
    Credentials (cookies) are never allowed: the gateway takes none. Other origins, and requests
    without one, are served as if this were not there.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        marks = self._marks(headers.get("origin"))
        is_preflight = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
        if is_preflight and any(name == b"access-control-allow-origin" for name, _ in marks):
            asked = headers.get("access-control-request-headers", "").strip()
            answer = [*marks, *_permits(asked)]
            await send({"type": "http.response.start", "status": 204, "headers": answer})
            await send({"type": "http.response.body", "body": b""})
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *marks]
            await send(message)

        await self._app(scope, receive, marked)

    def _marks(self, origin: str | None) -> list[tuple[bytes, bytes]]:
        """Return what every answer to ``origin`` carries."""
        vary = [] if ANY in self._origins else [(b"vary", b"Origin")]
        if origin is None:
            return vary
        if ANY in self._origins:
            allowed = ANY
        elif origin.lower() in self._origins:
            allowed = origin
        else:
            return vary
        return [
            *vary,
            (b"access-control-allow-origin", allowed.encode("latin-1")),
            (b"access-control-expose-headers", ", ".join(EXPOSED).encode()),
        ]


def _permits(asked: str) -> list[tuple[bytes, bytes]]:
    """Return what a preflight is told; names that no header can have are not repeated."""
    permits = [
        (b"access-control-allow-methods", METHODS.encode()),
        (b"access-control-max-age", b"%d" % _MAX_AGE_S),
        (b"vary", b"Access-Control-Request-Headers"),
    ]
    if len(asked) <= _LONGEST_NAMES and _NAMES.match(asked):
        permits.append((b"access-control-allow-headers", asked.encode("latin-1")))
    return permits
