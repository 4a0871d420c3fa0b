"""Serve the paths that dialects share: one route, which asks whose dialect it is."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.web.dialect import Dialect
from sora_gateway.web.errors import dialect_of_scope
from sora_gateway.web.routes import REFUSED, DirectRoute, Endpoint, parameters


def by_dialect(endpoints: Mapping[Dialect, Endpoint]) -> Endpoint:
    """Return an endpoint that passes the request to its dialect's; one without its own gets OpenAI's."""

    async def dispatched(request: Request) -> Response:
        endpoint = endpoints.get(dialect_of_scope(request.scope)) or endpoints[Dialect.OPENAI]
        return await endpoint(request)

    return dispatched


def models_router(listing: Mapping[Dialect, Endpoint], single: Mapping[Dialect, Endpoint]) -> APIRouter:
    """Return the routes ``GET /v1/models`` and ``GET /v1/models/{id}``; ids may hold slashes."""
    router = APIRouter(route_class=DirectRoute, tags=["models"])
    router.add_api_route(
        "/v1/models",
        by_dialect(listing),
        methods=["GET"],
        summary="List the models",
        openapi_extra={"responses": REFUSED},
    )
    router.add_api_route(
        "/v1/models/{model:path}",
        by_dialect(single),
        methods=["GET"],
        summary="Describe one model",
        openapi_extra={
            "parameters": parameters(path={"model": "a model's name, suffixes and groups included"}),
            "responses": REFUSED,
        },
    )
    return router
