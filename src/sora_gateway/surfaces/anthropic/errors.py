"""Print errors as Anthropic does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import structlog
from typing_extensions import TypedDict

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import JobError


class ErrorDetail(TypedDict):
    """What an error says; there is no field for a parameter or a code."""

    type: str
    message: str


class ErrorAnswer(TypedDict):
    """Every failure of this dialect, in a stream as the data of ``event: error``.

    Source: Anthropic API reference, Errors, and sdk-contract section 7, read 2026-11-22.

    Example: ``{"type": "error", "error": {"type": "invalid_request_error", "message": "'n' is 9; ..."},
    "request_id": "req_0f3c..."}``
    """

    type: Literal["error"]
    error: ErrorDetail
    request_id: str | None


_INVALID = "invalid_request_error"
_NOT_FOUND = "not_found_error"
_RATE = "rate_limit_error"
_API = "api_error"
_TIMEOUT = "timeout_error"
_OVERLOADED = "overloaded_error"

# The type goes with the status (``web.errors.STATUS``), from which the SDKs take the class.
TYPES: Mapping[ErrorKind, str] = {
    ErrorKind.INVALID_REQUEST: _INVALID,
    ErrorKind.INVALID_MODEL: _INVALID,
    ErrorKind.MODEL_NOT_FOUND: _INVALID,
    ErrorKind.UNSUPPORTED: _INVALID,
    ErrorKind.CONTENT_REFUSED: _INVALID,
    ErrorKind.ACCOUNT_PLAN_REQUIRED: _INVALID,
    ErrorKind.UNAUTHENTICATED: "authentication_error",
    ErrorKind.PERMISSION_DENIED: "permission_error",
    ErrorKind.NOT_FOUND: _NOT_FOUND,
    ErrorKind.NOT_READY: _NOT_FOUND,
    ErrorKind.EXPIRED: _NOT_FOUND,
    ErrorKind.METHOD_NOT_ALLOWED: _INVALID,
    ErrorKind.CONFLICT: _INVALID,
    ErrorKind.TOO_LARGE: _INVALID,
    ErrorKind.UNSUPPORTED_MEDIA_TYPE: _INVALID,
    ErrorKind.RATE_LIMITED: _RATE,
    ErrorKind.INSUFFICIENT_QUOTA: _RATE,  # not ``billing_error``: that one is a 402
    ErrorKind.QUEUE_FULL: _RATE,
    ErrorKind.CANCELLED: _INVALID,
    ErrorKind.NO_ACCOUNT: _API,
    ErrorKind.STILL_RUNNING: _TIMEOUT,
    ErrorKind.STORE_UNAVAILABLE: _API,
    ErrorKind.STORAGE_UNAVAILABLE: _API,
    ErrorKind.INTERNAL: _API,
    ErrorKind.UPSTREAM_UNREACHABLE: _API,
    ErrorKind.UPSTREAM_OVERLOADED: _OVERLOADED,
    ErrorKind.UPSTREAM_BLOCKED: _API,
    ErrorKind.UPSTREAM_REFUSED: _API,
    ErrorKind.ACCOUNT_BUSY: _OVERLOADED,
    ErrorKind.ACCOUNT_EXHAUSTED: _API,  # asking again soon is of no use
    ErrorKind.ACCOUNT_RATE_LIMITED: _OVERLOADED,
    ErrorKind.ACCOUNT_AUTH: _API,
    ErrorKind.GENERATION_FAILED: _API,
    ErrorKind.SUBMISSION_UNKNOWN: _API,
    ErrorKind.LOST: _API,
    ErrorKind.TIMEOUT: _TIMEOUT,
}


def render_error(error: GatewayError) -> dict[str, Any]:
    """Return the body of ``error``; its ``request_id`` is that of the answer's header."""
    detail: ErrorDetail = {"type": TYPES[error.kind], "message": error.message}
    return {"type": "error", "error": detail, "request_id": _request_id()}


def _request_id() -> str | None:
    """Return the id of the request that is being answered, which ``web.middleware`` gave to its context."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return request_id if isinstance(request_id, str) else None


def error_of(failure: JobError) -> GatewayError:
    """Return a failed job's error as that of the request which waited for it."""
    return GatewayError(failure.kind, failure.message, code=failure.code)


RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "model": ErrorAnswer,
        "description": "Refused: `error.message` names the field and what is right",
    },
    "5XX": {"model": ErrorAnswer, "description": "Failed: `x-should-retry` says whether to ask again"},
}
"""How every route of this dialect may fail, for its documentation."""
