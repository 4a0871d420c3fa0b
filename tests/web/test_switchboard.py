"""Requests are led to the same endpoints as the framework would find."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Message, Scope

from sora_gateway.web.routes import DirectRoute, json_response, mount
from sora_gateway.web.switchboard import Switchboard
from tests.gateway import Gateway, client_of


def scope_of(method: str, path: str, root: str = "") -> Scope:
    """Return what a server makes of a request."""
    return {"type": "http", "method": method, "path": root + path, "root_path": root, "headers": []}


def samples(app: FastAPI) -> Iterator[str]:
    """Yield paths around every route: as it is, with other values, longer, shorter."""
    for route in app.routes:
        path: str = getattr(route, "path", "/")
        for value in ("edits", "video_1", "sora-2", "characters", "a b", "画", ""):
            filled = re.sub(r"\{[a-z_]+(:path)?\}", value, path)
            yield from (filled, f"{filled}/x", filled.rsplit("/", 1)[0] or "/", filled + "/")
    yield from ("/", "//", "/v1", "/v1/models/a/b/c", "/v1beta/models/a/b:generateContent")


async def test_every_request_finds_the_route_that_the_framework_finds(gateway: Gateway) -> None:
    """For all routes of the product, with every method."""
    found: list[tuple[object, object]] = []

    async def framework(scope: Scope, *_: object) -> None:
        found.append((None, scope.get("path_params")))

    board = Switchboard(framework, gateway.app)
    compared = 0
    for path in sorted({path for path in samples(gateway.app) if path}):
        for method in ("GET", "HEAD", "POST", "DELETE", "PUT", "BREW"):
            scope = scope_of(method, path, "/sora")
            expected = next(
                (
                    (route, child["path_params"])
                    for route in gateway.app.routes
                    for match, child in [route.matches(scope_of(method, path, "/sora"))]
                    if match is Match.FULL
                ),
                (None, None),
            )
            route = board._find(scope)
            is_direct = isinstance(expected[0], DirectRoute)
            assert (route, scope.get("path_params")) == (expected if is_direct else (None, None)), path
            compared += route is not None
    assert compared > 100


async def _served(board: Switchboard, scope: Scope) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await board(scope, receive, send)
    return sent


def _small() -> FastAPI:
    app = FastAPI()
    router = APIRouter(route_class=DirectRoute)

    @router.get("/v1/broken/{kind}")
    async def broken(request: Request) -> Response:
        raise {"known": LookupError("x"), "other": RuntimeError("y")}[request.path_params["kind"]]

    async def say(_: Request, error: Exception) -> Response:
        return json_response({"said": str(error)}, status=418)

    mount(app, router)
    app.add_exception_handler(LookupError, say)
    return app


async def test_errors_go_to_the_handlers_of_the_application() -> None:
    """By kind; those without a handler go on to whoever wraps it."""
    app = _small()
    board = Switchboard(app.router, app)
    start, body = await _served(board, scope_of("GET", "/v1/broken/known"))
    assert (start["status"], body["body"]) == (418, b'{"said":"x"}')
    with pytest.raises(RuntimeError, match="y"):
        await _served(board, scope_of("GET", "/v1/broken/other"))


async def test_the_framework_serves_the_rest(gateway: Gateway) -> None:
    """Its own routes, and its words for paths and methods that do not exist."""
    async with client_of(gateway) as client:
        assert (await client.get("/openapi.json")).status_code == 200
        assert (await client.get("/v1/nothing")).json()["error"]["code"] == "unknown_url"
        refused = await client.put("/v1/videos")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST")
    assert all(isinstance(route, DirectRoute) for route in gateway.app.routes if isinstance(route, APIRoute))
