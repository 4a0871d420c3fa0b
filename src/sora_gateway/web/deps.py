"""Get at the services and the caller of a request."""

from __future__ import annotations

from typing import cast

from starlette.requests import Request

from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.licences.allowance import require
from sora_gateway.web.auth import key_of
from sora_gateway.web.state import Services


def services_of(request: Request) -> Services:
    """Return what the composition root provided."""
    return cast(Services, request.app.state.services)


async def authenticated(request: Request, permission: Permission | None = None) -> Caller:
    """Return who makes the request and may use the routes of ``permission`` (None: any key will do).

    Raises:
        GatewayError(unauthenticated): no usable key.
        GatewayError(permission_denied): the key's licence lacks the permission; the message names it.
    """
    caller = await services_of(request).callers.of(key_of(request.headers, request.query_params))
    if permission is not None:
        require(caller, permission)
    return caller
