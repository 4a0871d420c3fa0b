"""Hold callers to their requests per minute, and tell them in every answer where they stand."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Scope

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller
from sora_gateway.ports.usage import Pace, UsageStore

_STATE = "pace"
_READING = frozenset({"GET", "HEAD"})


async def keep_pace(request: Request, caller: Caller, usage: UsageStore) -> None:
    """Return if the caller may make this request now; it is counted once, however often this is asked.

    Reading is free: a job is looked at many times, and nobody shall lose sight of his own. A caller without
    a limit costs nothing, another one round trip.

    Raises:
        GatewayError(rate_limited): he made as many requests within the last minute as he may.
    """
    per_minute = caller.bounds.requests_per_minute
    state = request.scope.setdefault("state", {})
    if per_minute is None or _STATE in state:
        return
    is_counted = request.method not in _READING
    pace = await usage.take_request(caller.licence_id, per_minute, is_counted=is_counted)
    state[_STATE] = pace
    if not pace.is_allowed:
        message = f"This key may make {per_minute} requests per minute, and has made them. Slow down."
        raise GatewayError(ErrorKind.RATE_LIMITED, message, retry_after_s=pace.retry_after_s)


def pace_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return the headers of OpenAI's, whose clients know them, if the request's caller has a limit."""
    pace: Pace | None = scope.get("state", {}).get(_STATE)
    if pace is None:
        return []
    return [
        (b"x-ratelimit-limit-requests", b"%d" % pace.limit),
        (b"x-ratelimit-remaining-requests", b"%d" % pace.remaining),
        (b"x-ratelimit-reset-requests", f"{round(pace.reset_s, 3):g}s".encode()),
    ]
