"""Get at the services and the caller of a request."""

from __future__ import annotations

from typing import cast

from starlette.requests import Request

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.licences.allowance import require
from sora_gateway.web.auth import key_of
from sora_gateway.web.draining import is_stopping, turned_away
from sora_gateway.web.pace import keep_pace
from sora_gateway.web.state import Services


def services_of(request: Request) -> Services:
    """Return what the composition root provided."""
    return cast(Services, request.app.state.services)


def require_working(request: Request) -> None:
    """Return if this node may serve.

    Raises:
        GatewayError(storage_unavailable): it may not; another node should be asked.
    """
    if is_stopping(request.scope):
        raise turned_away()
    if not services_of(request).is_working:
        message = "This node is not ready; the operator finds the reason under /readyz."
        raise GatewayError(ErrorKind.STORAGE_UNAVAILABLE, message, retry_after_s=5)


async def authenticated(request: Request, permission: Permission | None = None) -> Caller:
    """Return who makes the request and may use the routes of ``permission`` (None: any key will do).

    Raises:
        GatewayError(storage_unavailable): this node may not serve.
        GatewayError(unauthenticated): no usable key.
        GatewayError(rate_limited): the key's licence allows no more requests this minute.
        GatewayError(permission_denied): the key's licence lacks the permission; the message names it.
    """
    require_working(request)
    query = request.query_params if request.scope["query_string"] else {}
    services = services_of(request)
    caller = await services.callers.of(key_of(request.headers, query))
    await keep_pace(request, caller, services.usage)
    if permission is not None:
        require(caller, permission)
    return caller
