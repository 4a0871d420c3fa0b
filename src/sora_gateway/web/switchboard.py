"""Lead requests to their endpoints by a table.

The framework asks every route in turn, inside three wrappers of its own: with sixty routes that is most of
the processor's time of a status call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from sora_gateway.web.mounts import path_below
from sora_gateway.web.routes import DirectRoute

_Key = tuple[str, int, str, str]
_Handlers = Mapping[Any, Callable[[Request, Exception], Any]]


class Switchboard:
    """Serves direct routes, as the framework would find them; whatever else is asked goes to the framework.

    Pure ASGI, the innermost one. Errors go to the handlers of the application.
    """

    def __init__(self, app: ASGIApp, owner: FastAPI) -> None:
        self._app = app
        self._handlers: _Handlers = owner.exception_handlers
        self._open, self._table = _table(owner.routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        route = self._find(scope) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive, send)
        try:
            response = await route.endpoint(request)
        except Exception as error:  # noqa: BLE001 - what has no handler is raised again
            response = await self._answer(request, error)
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> DirectRoute | None:
        """Return the first route that fits, and put into ``scope`` what it read from the path."""
        path = path_below(scope)
        for route in self._table.get(_key(scope["method"], path), self._open):
            match = route.path_regex.match(path)
            if match is not None and scope["method"] in _methods(route):
                convertors = route.param_convertors
                scope["path_params"] = {
                    name: convertors[name].convert(text) for name, text in match.groupdict().items()
                }
                scope["route"] = route
                return route
        return None

    async def _answer(self, request: Request, error: Exception) -> Response:
        for kind in type(error).__mro__:
            if kind in self._handlers:
                answer: Response = await self._handlers[kind](request, error)
                return answer
        raise error


def _table(routes: Iterable[BaseRoute]) -> tuple[Sequence[DirectRoute], Mapping[_Key, Sequence[DirectRoute]]]:
    """Return the routes that may fit any path, and those that may fit the paths of a key, all in order."""
    direct = [route for route in routes if isinstance(route, DirectRoute)]
    keys_of = {id(route): _keys(route) for route in direct}
    known = {key for keys in keys_of.values() for key in keys}
    table = {
        key: [route for route in direct if not keys_of[id(route)] or key in keys_of[id(route)]]
        for key in known
    }
    return [route for route in direct if not keys_of[id(route)]], table


def _keys(route: DirectRoute) -> frozenset[_Key]:
    """Return the keys of all paths that fit the route; none if they cannot be told."""
    _, number, first, second = _key("", route.path)
    is_told = ":path}" not in route.path and "{" not in first + second
    methods = _methods(route) if is_told else ()
    return frozenset((method, number, first, second) for method in methods)


def _methods(route: DirectRoute) -> Collection[str]:
    return route.methods or ()


def _key(method: str, path: str) -> _Key:
    parts = path.split("/", 3)
    first = parts[1] if len(parts) > 1 else ""
    second = parts[2] if len(parts) > 2 else ""
    return method, path.count("/"), first, second
