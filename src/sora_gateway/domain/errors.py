"""Name what can go wrong, once for all surfaces, phases and backends."""

from __future__ import annotations

from enum import StrEnum


class ErrorKind(StrEnum):
    """Decide by these, never by text. A new one fails the tables that must know it until it is there."""

    # the caller's side
    INVALID_REQUEST = "invalid_request"
    INVALID_MODEL = "invalid_model"
    MODEL_NOT_FOUND = "model_not_found"
    UNSUPPORTED = "unsupported"
    CONTENT_REFUSED = "content_refused"
    ACCOUNT_PLAN_REQUIRED = "account_plan_required"
    UNAUTHENTICATED = "unauthenticated"
    PERMISSION_DENIED = "permission_denied"
    NOT_FOUND = "not_found"
    NOT_READY = "not_ready"
    EXPIRED = "expired"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    RATE_LIMITED = "rate_limited"
    INSUFFICIENT_QUOTA = "insufficient_quota"
    QUEUE_FULL = "queue_full"
    CANCELLED = "cancelled"
    # the gateway's side
    NO_ACCOUNT = "no_account"
    STILL_RUNNING = "still_running"
    STORE_UNAVAILABLE = "store_unavailable"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    INTERNAL = "internal"
    # the backend's side
    UPSTREAM_UNREACHABLE = "upstream_unreachable"  # nothing was sent, or reading failed
    UPSTREAM_OVERLOADED = "upstream_overloaded"  # heavy load, 5xx
    UPSTREAM_BLOCKED = "upstream_blocked"  # sentinel, edge page, country
    UPSTREAM_REFUSED = "upstream_refused"  # a definite no that is not about the content
    ACCOUNT_BUSY = "account_busy"  # too many parallel tasks
    ACCOUNT_EXHAUSTED = "account_exhausted"  # quota used up
    ACCOUNT_RATE_LIMITED = "account_rate_limited"  # burst limit
    ACCOUNT_AUTH = "account_auth"  # credential expired or revoked
    GENERATION_FAILED = "generation_failed"  # the backend tried and failed
    SUBMISSION_UNKNOWN = "submission_unknown"  # sent, never answered, cannot be settled
    LOST = "lost"  # the backend forgot the task
    TIMEOUT = "timeout"  # a phase took longer than its deadline


class GatewayError(Exception):
    """The one error that travels between rooms; ``web`` gives it a status, each dialect a body.

    ``message`` is for the caller: what was wrong, with which value, and what would be right. It never
    carries a secret or an internal address. ``code`` overrides the kind's default code on the wire.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.param = param
        self.code = code
        self.retry_after_s = retry_after_s

    def __repr__(self) -> str:
        return f"GatewayError({self.kind.value}, {self.message!r}, param={self.param!r}, code={self.code!r})"
