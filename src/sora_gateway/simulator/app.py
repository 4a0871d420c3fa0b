"""The two ASGI applications of a simulated backend: the site with its API, and the media host."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from sora_gateway.simulator import (
    media_host,
    routes_account,
    routes_auth,
    routes_characters,
    routes_control,
    routes_drafts,
    routes_nf,
    routes_v1,
)
from sora_gateway.simulator.backend import Backend
from sora_gateway.simulator.endpoint import refused, send_answer, serve
from sora_gateway.simulator.errors import refusal
from sora_gateway.simulator.protocol import Connection
from sora_gateway.simulator.router import Router

_PREFIX = "/backend"

BACKEND_ROUTES = (
    *routes_nf.ROUTES,
    *routes_drafts.ROUTES,
    *routes_characters.ROUTES,
    *routes_v1.ROUTES,
    *routes_account.ROUTES,
)
SITE_ROUTES = (*routes_auth.ROUTES, *routes_control.ROUTES)


def create_app(backend: Backend) -> ASGIApp:
    """Return the site: backend routes below ``/backend`` and at the root, the others at the root only."""
    below, root = Router(BACKEND_ROUTES), Router((*SITE_ROUTES, *BACKEND_ROUTES))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(_PREFIX + "/"):
            await _dispatch(backend, below, path.removeprefix(_PREFIX), scope, receive, send)
        else:
            await _dispatch(backend, root, path, scope, receive, send)

    return app


def create_media_app(backend: Backend) -> ASGIApp:
    """Return the media host."""
    router = Router(media_host.ROUTES)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await _dispatch(backend, router, scope["path"], scope, receive, send)

    return app


async def _dispatch(
    backend: Backend, router: Router, path: str, scope: Scope, receive: Receive, send: Send
) -> None:
    found = router.find(scope["method"], path)
    if isinstance(found, str):
        await send_answer(refused(refusal(found)), send, Connection(dict(scope), receive))
        return
    route, params = found
    try:
        await serve(backend, route, params, scope, receive, send)
    except asyncio.CancelledError:
        # The server ends and has cut the connection: nobody waits, and Uvicorn would log it as a fault.
        if not Connection(dict(scope), receive).is_gone:
            raise
