"""Routes that cost little and are documented all the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

Endpoint = Callable[[Request], Awaitable[Response]]


class DirectRoute(APIRoute):
    """Calls its endpoint with the request and nothing else.

    Bodies of this API come in three types with open sets of fields, so FastAPI's own parsing would be in the
    way, and costs more than all the rest of a status call. What is documented comes from ``responses`` and
    ``openapi_extra``, and from models that are only built when the document is asked for.
    """

    def __init__(
        self, path: str, endpoint: Endpoint, *, response_model: Any = None, responses: Any = None, **rest: Any
    ) -> None:
        self._documentation = {"response_model": response_model, "responses": responses, **rest}
        super().__init__(path, endpoint, **rest)

    def documented(self) -> APIRoute:
        """Return the route as the OpenAPI document describes it; it takes a tenth of a second for all."""
        return APIRoute(self.path, self.endpoint, **self._documentation)

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Return the endpoint itself."""
        endpoint: Endpoint = self.endpoint
        return endpoint


def mount(target: FastAPI | APIRouter, *routers: APIRouter) -> None:
    """Put the routes of ``routers`` into ``target``, in order, as if they had been written there.

    ``include_router`` would hide them behind routers of their own; ``Switchboard`` makes its table of what it
    finds here.
    """
    routes = target.router.routes if isinstance(target, FastAPI) else target.routes
    for router in routers:
        routes.extend(router.routes)


def json_response(
    content: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return ``content`` as JSON; non-ASCII stays readable."""
    return Response(to_json(content), status_code=status, headers=headers, media_type="application/json")


def parameters(
    *,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    header: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Return OpenAPI parameters: names and what they mean, all texts; those of the path are required."""
    given = (("path", path), ("query", query), ("header", header))
    return [
        {
            "name": name,
            "in": place,
            "required": place == "path",
            "description": about,
            "schema": {"type": "string"},
        }
        for place, names in given
        for name, about in (names or {}).items()
    ]


STREAMED: Mapping[str, Any] = {"200": {"content": {"text/event-stream": {}}}}
"""For ``responses`` in OpenAPI: the answer may also be a stream of events."""

REFUSED: Mapping[str, Any] = {
    "4XX": {"description": "Refused, in the words of the caller's dialect"},
    "5XX": {"description": "Failed, in the words of the caller's dialect"},
}
"""For ``responses`` in OpenAPI, of a route that several dialects share."""


def files(*media_types: str) -> dict[str, Any]:
    """Return OpenAPI responses of a route that serves a file, in parts if it is asked to."""
    content: dict[str, Any] = {media_type: {} for media_type in media_types}
    return {
        "200": {"description": "The file", "content": content},
        "206": {"description": "The part that `Range` names", "content": content},
        "304": {"description": "It is what `If-None-Match` names"},
    }


def body(schema: Mapping[str, Any], *, files: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return an OpenAPI request body that may come as JSON, multipart or urlencoded.

    ``files`` name the fields that may also be a file in multipart.
    """
    binary = {"type": "string", "format": "binary"}
    properties = {**schema.get("properties", {}), **dict.fromkeys(files, binary)}
    form = {**schema, "properties": properties}
    content: dict[str, Any] = {
        "application/json": {"schema": schema},
        "multipart/form-data": {"schema": form},
        "application/x-www-form-urlencoded": {"schema": schema},
    }
    return {"required": True, "content": content}
