"""Print errors as Google does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import JobError
from sora_gateway.web.errors import STATUS

ErrorInfo = TypedDict(
    "ErrorInfo", {"@type": str, "reason": str, "domain": str, "metadata": dict[str, str]}, total=True
)
"""The reason for machines, as Google gives it: ``STILL_RUNNING``; ``metadata.param`` names a field."""


class ErrorBody(TypedDict):
    """What an error says; ``code`` is the HTTP status."""

    code: int
    message: str
    status: str
    details: list[ErrorInfo]


class ErrorEnvelope(TypedDict):
    """Every failure of this dialect.

    Source: google.rpc.Status over HTTP (AIP-193), google-genai 3.4 ``errors.py`` and sdk-contract section 8,
    read 2026-11-22.

    Example: ``{"error": {"code": 404, "message": "No job with id 'video_1' exists.", "status": "NOT_FOUND",
    "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "NOT_FOUND",
    "domain": "sora-gateway", "metadata": {"param": "id"}}]}}``
    """

    error: ErrorBody


_INVALID = "INVALID_ARGUMENT"
_NOT_FOUND = "NOT_FOUND"
_EXHAUSTED = "RESOURCE_EXHAUSTED"
_INTERNAL = "INTERNAL"
_UNAVAILABLE = "UNAVAILABLE"
_DEADLINE = "DEADLINE_EXCEEDED"

STATUS_NAMES: Mapping[ErrorKind, str] = {
    ErrorKind.INVALID_REQUEST: _INVALID,
    ErrorKind.INVALID_MODEL: _INVALID,
    ErrorKind.MODEL_NOT_FOUND: _INVALID,
    ErrorKind.UNSUPPORTED: _INVALID,
    ErrorKind.CONTENT_REFUSED: _INVALID,
    ErrorKind.ACCOUNT_PLAN_REQUIRED: "FAILED_PRECONDITION",
    ErrorKind.UNAUTHENTICATED: "UNAUTHENTICATED",
    ErrorKind.PERMISSION_DENIED: "PERMISSION_DENIED",
    ErrorKind.NOT_FOUND: _NOT_FOUND,
    ErrorKind.NOT_READY: _NOT_FOUND,
    ErrorKind.EXPIRED: _NOT_FOUND,
    ErrorKind.METHOD_NOT_ALLOWED: "UNIMPLEMENTED",
    ErrorKind.CONFLICT: "ALREADY_EXISTS",
    ErrorKind.TOO_LARGE: _INVALID,
    ErrorKind.UNSUPPORTED_MEDIA_TYPE: _INVALID,
    ErrorKind.RATE_LIMITED: _EXHAUSTED,
    ErrorKind.INSUFFICIENT_QUOTA: _EXHAUSTED,
    ErrorKind.QUEUE_FULL: _EXHAUSTED,
    ErrorKind.CANCELLED: "CANCELLED",
    ErrorKind.NO_ACCOUNT: _UNAVAILABLE,
    ErrorKind.STILL_RUNNING: _DEADLINE,
    ErrorKind.STORE_UNAVAILABLE: _UNAVAILABLE,
    ErrorKind.STORAGE_UNAVAILABLE: _UNAVAILABLE,
    ErrorKind.INTERNAL: _INTERNAL,
    ErrorKind.UPSTREAM_UNREACHABLE: _UNAVAILABLE,
    ErrorKind.UPSTREAM_OVERLOADED: _UNAVAILABLE,
    ErrorKind.UPSTREAM_BLOCKED: _INTERNAL,
    ErrorKind.UPSTREAM_REFUSED: _INTERNAL,
    ErrorKind.ACCOUNT_BUSY: _UNAVAILABLE,
    ErrorKind.ACCOUNT_EXHAUSTED: _UNAVAILABLE,
    ErrorKind.ACCOUNT_RATE_LIMITED: _UNAVAILABLE,
    ErrorKind.ACCOUNT_AUTH: _INTERNAL,
    ErrorKind.GENERATION_FAILED: _INTERNAL,
    ErrorKind.SUBMISSION_UNKNOWN: _INTERNAL,
    ErrorKind.LOST: _INTERNAL,
    ErrorKind.TIMEOUT: _DEADLINE,
}

_REASONS: Mapping[ErrorKind, str] = {
    ErrorKind.UNAUTHENTICATED: "API_KEY_INVALID",  # Google's own word
    ErrorKind.NOT_READY: "VIDEO_NOT_READY",
}
"""Reasons that are not simply the kind's name."""


def render_error(error: GatewayError) -> dict[str, Any]:
    """Return the envelope of ``error``."""
    info: ErrorInfo = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": error.code.upper() if error.code else _REASONS.get(error.kind, error.kind.value.upper()),
        "domain": "sora-gateway",
        "metadata": {"param": error.param} if error.param else {},
    }
    body: ErrorBody = {
        "code": STATUS[error.kind],
        "message": error.message,
        "status": STATUS_NAMES[error.kind],
        "details": [info],
    }
    return {"error": body}


def error_of(failure: JobError) -> GatewayError:
    """Return a failed job's error as that of the request which waited for it."""
    return GatewayError(failure.kind, failure.message, code=failure.code)


RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "model": ErrorEnvelope,
        "description": "Refused: the message names the field and what is allowed",
    },
    "5XX": {"model": ErrorEnvelope, "description": "Failed: `x-should-retry` says whether to ask again"},
}
"""How every route of this dialect may fail, for its documentation."""
