"""Do something once the answer to a request has been sent completely."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.types import Scope

from sora_gateway.domain.errors import GatewayError

Callback = Callable[[], Awaitable[Any]]

_NAME = "on_delivery"


def on_delivery(request: Request, callback: Callback) -> None:
    """Call ``callback`` when the answer was sent and was not a failure of ours."""
    request.scope["state"].setdefault(_NAME, []).append(callback)


async def delivered(scope: Scope, status: int) -> None:
    """Run what was asked for; a store that does not answer now is no failure of the request."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return
    for callback in scope["state"].pop(_NAME, ()):
        try:
            await callback()
        except GatewayError:
            return
