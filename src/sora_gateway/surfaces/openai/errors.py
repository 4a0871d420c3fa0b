"""Print errors as OpenAI does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import JobError


class ErrorBody(TypedDict):
    """What an error says; all four keys are always there."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorEnvelope(TypedDict):
    """Every failure of this dialect.

    Source: OpenAI API reference, Error codes, and sdk-contract section 6, read 2026-11-22.

    Example: ``{"error": {"message": "'n' must be 1 to 4, not 9.", "type": "invalid_request_error",
    "param": "n", "code": "invalid_request"}}``
    """

    error: ErrorBody


_INVALID = "invalid_request_error"
_NOT_FOUND = "not_found_error"  # LiteLLM takes any invalid_request_error for a 400
_SERVER = "server_error"

# LiteLLM takes "rate limit", in any spelling and anywhere in a body, for the caller's own: so one row only.
TYPES_AND_CODES: Mapping[ErrorKind, tuple[str, str]] = {
    ErrorKind.INVALID_REQUEST: (_INVALID, "invalid_request"),
    ErrorKind.INVALID_MODEL: (_INVALID, "invalid_model"),
    ErrorKind.MODEL_NOT_FOUND: (_INVALID, "model_not_found"),
    ErrorKind.UNSUPPORTED: (_INVALID, "unsupported"),
    ErrorKind.CONTENT_REFUSED: (_INVALID, "content_policy_violation"),
    ErrorKind.ACCOUNT_PLAN_REQUIRED: (_INVALID, "account_plan_required"),
    ErrorKind.UNAUTHENTICATED: (_INVALID, "invalid_api_key"),
    ErrorKind.PERMISSION_DENIED: ("permission_error", "permission_denied"),
    ErrorKind.NOT_FOUND: (_NOT_FOUND, "not_found"),
    ErrorKind.NOT_READY: (_NOT_FOUND, "video_not_ready"),
    ErrorKind.EXPIRED: (_NOT_FOUND, "expired"),
    ErrorKind.METHOD_NOT_ALLOWED: (_INVALID, "method_not_allowed"),
    ErrorKind.CONFLICT: (_INVALID, "idempotency_conflict"),
    ErrorKind.TOO_LARGE: (_INVALID, "request_too_large"),
    ErrorKind.UNSUPPORTED_MEDIA_TYPE: (_INVALID, "unsupported_media_type"),
    ErrorKind.RATE_LIMITED: ("rate_limit_error", "rate_limit_exceeded"),
    ErrorKind.INSUFFICIENT_QUOTA: ("insufficient_quota", "insufficient_quota"),
    ErrorKind.QUEUE_FULL: (_SERVER, "queue_full"),
    ErrorKind.CANCELLED: (_INVALID, "cancelled"),
    ErrorKind.NO_ACCOUNT: (_SERVER, "no_account"),
    ErrorKind.STILL_RUNNING: (_SERVER, "still_running"),
    ErrorKind.STORE_UNAVAILABLE: (_SERVER, "store_unavailable"),
    ErrorKind.STORAGE_UNAVAILABLE: (_SERVER, "storage_unavailable"),
    ErrorKind.INTERNAL: (_SERVER, "internal_error"),
    ErrorKind.UPSTREAM_UNREACHABLE: (_SERVER, "upstream_unreachable"),
    ErrorKind.UPSTREAM_OVERLOADED: (_SERVER, "upstream_overloaded"),
    ErrorKind.UPSTREAM_BLOCKED: (_SERVER, "upstream_blocked"),
    ErrorKind.UPSTREAM_REFUSED: (_SERVER, "upstream_refused"),
    ErrorKind.ACCOUNT_BUSY: (_SERVER, "account_busy"),
    ErrorKind.ACCOUNT_EXHAUSTED: (_SERVER, "account_exhausted"),
    ErrorKind.ACCOUNT_RATE_LIMITED: (_SERVER, "account_cooling"),
    ErrorKind.ACCOUNT_AUTH: (_SERVER, "account_auth"),
    ErrorKind.GENERATION_FAILED: (_SERVER, "generation_failed"),
    ErrorKind.SUBMISSION_UNKNOWN: (_SERVER, "submission_unknown"),
    ErrorKind.LOST: (_SERVER, "lost"),
    ErrorKind.TIMEOUT: (_SERVER, "timeout"),
}

_KINDS = frozenset(kind.value for kind in ErrorKind)

_WRONG_KEY = "Incorrect API key provided"
"""The words by which LiteLLM tells a 401 from a 400."""


def code_of(kind: ErrorKind, code: str | None) -> str:
    """Return the code on the wire: the error's own, unless it is a kind's name, or that kind's here."""
    own = code or kind.value
    return TYPES_AND_CODES[ErrorKind(own)][1] if own in _KINDS else own


def render_error(error: GatewayError) -> dict[str, Any]:
    """Return the envelope of ``error``."""
    message = error.message
    if error.kind is ErrorKind.UNAUTHENTICATED and _WRONG_KEY not in message:
        message = f"{_WRONG_KEY}: {message}"
    body: ErrorBody = {
        "message": message,
        "type": TYPES_AND_CODES[error.kind][0],
        "param": error.param,
        "code": code_of(error.kind, error.code),
    }
    return {"error": body}


def error_of(failure: JobError) -> GatewayError:
    """Return a failed job's error as that of the request which waited for it."""
    return GatewayError(failure.kind, failure.message, code=failure.code)


RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorEnvelope, "description": "Refused: `param` names the field, `code` the reason"},
    "5XX": {"model": ErrorEnvelope, "description": "Failed: `x-should-retry` says whether to ask again"},
}
"""How every route of this dialect may fail, for its documentation."""
