"""Turn every failure into an answer: the status of each kind, the headers, the dialect's body."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic_core import to_json
from starlette.datastructures import Headers, QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.telemetry.logs import get_logger
from sora_gateway.web.dialect import Dialect, dialect_of
from sora_gateway.web.mounts import path_below

log = get_logger(__name__)

RenderError = Callable[[GatewayError], Mapping[str, Any]]

STATUS: Mapping[ErrorKind, int] = {
    ErrorKind.INVALID_REQUEST: 400,
    ErrorKind.INVALID_MODEL: 400,
    ErrorKind.MODEL_NOT_FOUND: 400,
    ErrorKind.UNSUPPORTED: 400,
    ErrorKind.CONTENT_REFUSED: 400,
    ErrorKind.ACCOUNT_PLAN_REQUIRED: 400,
    ErrorKind.UNAUTHENTICATED: 401,
    ErrorKind.PERMISSION_DENIED: 403,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.NOT_READY: 404,  # 409 and 5xx would be asked again instead of reported
    ErrorKind.EXPIRED: 404,
    ErrorKind.METHOD_NOT_ALLOWED: 405,
    ErrorKind.CONFLICT: 409,
    ErrorKind.TOO_LARGE: 413,
    ErrorKind.UNSUPPORTED_MEDIA_TYPE: 415,
    ErrorKind.RATE_LIMITED: 429,
    ErrorKind.INSUFFICIENT_QUOTA: 429,
    ErrorKind.QUEUE_FULL: 429,
    ErrorKind.CANCELLED: 400,
    ErrorKind.NO_ACCOUNT: 503,
    ErrorKind.STILL_RUNNING: 504,
    ErrorKind.STORE_UNAVAILABLE: 503,
    ErrorKind.STORAGE_UNAVAILABLE: 503,
    ErrorKind.INTERNAL: 500,
    ErrorKind.UPSTREAM_UNREACHABLE: 502,
    ErrorKind.UPSTREAM_OVERLOADED: 503,
    ErrorKind.UPSTREAM_BLOCKED: 502,
    ErrorKind.UPSTREAM_REFUSED: 502,
    ErrorKind.ACCOUNT_BUSY: 503,
    ErrorKind.ACCOUNT_EXHAUSTED: 503,  # the pool's quota, not the caller's: no 429
    ErrorKind.ACCOUNT_RATE_LIMITED: 503,
    ErrorKind.ACCOUNT_AUTH: 502,
    ErrorKind.GENERATION_FAILED: 502,
    ErrorKind.SUBMISSION_UNKNOWN: 502,
    ErrorKind.LOST: 502,
    ErrorKind.TIMEOUT: 504,
}

# SDKs send 408, 409, 429 and every 5xx again unless told not to. Here that would be of no use, or make
# a second job.
NEVER_AGAIN = frozenset(
    {
        ErrorKind.CONFLICT,
        ErrorKind.INSUFFICIENT_QUOTA,
        ErrorKind.NO_ACCOUNT,
        ErrorKind.STILL_RUNNING,
        ErrorKind.UPSTREAM_BLOCKED,
        ErrorKind.UPSTREAM_REFUSED,
        ErrorKind.ACCOUNT_EXHAUSTED,
        ErrorKind.ACCOUNT_AUTH,
        ErrorKind.GENERATION_FAILED,
        ErrorKind.SUBMISSION_UNKNOWN,
        ErrorKind.LOST,
        ErrorKind.TIMEOUT,
    }
)
# After these nobody knows whether a job was made.
_NOT_AGAIN_IF_CREATING = frozenset({ErrorKind.STORE_UNAVAILABLE, ErrorKind.INTERNAL})

_LONGEST_PATIENCE_S = 60
"""Longer waits are slept in full by some SDKs and ignored by others."""

_LONGEST_MESSAGE = 2000
_LONGEST_PARAM = 200

_KIND_OF_STATUS = {
    401: ErrorKind.UNAUTHENTICATED,
    403: ErrorKind.PERMISSION_DENIED,
    404: ErrorKind.NOT_FOUND,
    405: ErrorKind.METHOD_NOT_ALLOWED,
    413: ErrorKind.TOO_LARGE,
    415: ErrorKind.UNSUPPORTED_MEDIA_TYPE,
    429: ErrorKind.RATE_LIMITED,
}


def dialect_of_scope(scope: Scope) -> Dialect:
    """Return the dialect of the request behind an ASGI scope."""
    query = QueryParams(scope.get("query_string", b""))
    return dialect_of(Headers(scope=scope), path_below(scope), query)


def headers_of(error: GatewayError, *, is_creating: bool) -> dict[str, str]:
    """Return the headers that tell a client what to do next."""
    headers = {}
    is_futile = error.kind in NEVER_AGAIN or (is_creating and error.kind in _NOT_AGAIN_IF_CREATING)
    if error.retry_after_s is not None:
        wait_s = max(1, math.ceil(error.retry_after_s))
        headers["retry-after"] = str(wait_s)
        is_futile = is_futile or wait_s > _LONGEST_PATIENCE_S
    if is_futile:
        headers["x-should-retry"] = "false"
    if error.kind is ErrorKind.UNAUTHENTICATED:
        headers["www-authenticate"] = "Bearer"
    return headers


def respond(
    scope: Scope, error: GatewayError, *, status: int | None = None, extra: Mapping[str, str] | None = None
) -> Response:
    """Return the answer for ``error`` in the dialect of the request."""
    renderers: Mapping[Dialect, RenderError] = scope["app"].state.error_renderers
    render = renderers.get(dialect_of_scope(scope)) or renderers[Dialect.OPENAI]
    headers = headers_of(error, is_creating=scope["method"] == "POST") | dict(extra or {})
    return Response(
        to_json(render(_short(error))),
        status_code=status if status is not None else STATUS[error.kind],
        headers=headers,
        media_type="application/json",
    )


def _short(error: GatewayError) -> GatewayError:
    """Return the error without repeating to a caller all that he sent."""
    if len(error.message) <= _LONGEST_MESSAGE and len(error.param or "") <= _LONGEST_PARAM:
        return error
    message = error.message
    return GatewayError(
        error.kind,
        message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…",
        param=error.param and error.param[:_LONGEST_PARAM],
        code=error.code,
        retry_after_s=error.retry_after_s,
    )


def internal(request_id: str) -> GatewayError:
    """Return what a caller may know of a fault of ours."""
    return GatewayError(
        ErrorKind.INTERNAL,
        f"The gateway failed to answer. The operator finds the cause under request {request_id}.",
    )


def allowed_methods(scope: Scope) -> list[str]:
    """Return the methods that the path takes, over all routes: the framework names those of one route."""
    routes: Sequence[BaseRoute] = scope["app"].router.routes
    return [
        method
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]


def from_http_exception(error: HTTPException, scope: Scope) -> GatewayError:
    """Say in our words what the framework refused."""
    method, path = scope["method"], scope["path"]
    match error.status_code:
        case 404:
            return GatewayError(
                ErrorKind.NOT_FOUND, f"There is no route {method} {path}.", code="unknown_url"
            )
        case 405:
            message = f"{method} is not allowed on {path}; use {', '.join(allowed_methods(scope))}."
            return GatewayError(ErrorKind.METHOD_NOT_ALLOWED, message)
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return GatewayError(ErrorKind.INTERNAL, "The gateway failed to answer.")
        case status:
            return GatewayError(_KIND_OF_STATUS.get(status, ErrorKind.INVALID_REQUEST), str(error.detail))


def from_validation_error(error: RequestValidationError) -> GatewayError:
    """Name the first field that the framework found wrong."""
    first = next(iter(error.errors()), {"loc": (), "msg": "invalid"})
    names = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")]
    param = ".".join(names) or None
    about = f"'{param}'" if param else "The request"
    return GatewayError(ErrorKind.INVALID_REQUEST, f"{about} is not valid: {first['msg']}.", param=param)


async def _on_gateway_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, GatewayError):
        raise error
    if error.kind is ErrorKind.INTERNAL:
        log.error("request failed", exc_info=error)
    return respond(request.scope, error)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    known = from_http_exception(error, request.scope)
    extra = dict(error.headers or {})
    if known.kind is ErrorKind.METHOD_NOT_ALLOWED:
        extra = {"allow": ", ".join(allowed_methods(request.scope))}
    return respond(request.scope, known, status=error.status_code, extra=extra)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return respond(request.scope, from_validation_error(error))


def install(app: FastAPI, renderers: Mapping[Dialect, RenderError]) -> None:
    """Make ``app`` answer every failure in the caller's dialect; a dialect without renderer gets OpenAI's.

    Faults that nobody expected are caught by ``middleware.Envelope``, which knows the request's id.
    """
    app.state.error_renderers = dict(renderers)
    app.add_exception_handler(GatewayError, _on_gateway_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
