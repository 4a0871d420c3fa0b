"""Answer verbs that are not served, so that nobody takes them for a typing error."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Permission
from sora_gateway.surfaces.gemini.names import CLOUD, VERSIONS
from sora_gateway.web.deps import authenticated
from sora_gateway.web.routes import DirectRoute

_SERVED = "generateContent, streamGenerateContent, countTokens, predict and predictLongRunning"


async def refuse(request: Request) -> Response:
    """Answer 404, as Google does for a method that a model lacks."""
    await authenticated(request, Permission.GEMINI)
    verb = request.path_params["verb"]
    message = f"Models of this server have no method '{verb[:80]}'; they have {_SERVED}."
    raise GatewayError(ErrorKind.NOT_FOUND, message, code="unknown_url")


def build_router() -> APIRouter:
    """Return the routes for any other verb; they must come after the real ones."""
    router = APIRouter(route_class=DirectRoute, include_in_schema=False)
    for place in (*VERSIONS, CLOUD):
        router.add_api_route(f"/{place}/models/{{model:path}}:{{verb}}", refuse, methods=["POST"])
    return router
