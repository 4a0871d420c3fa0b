"""Answer routes that are known and not served yet, so that nobody takes them for a typing error."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Permission
from sora_gateway.surfaces.openai.errors import RESPONSES
from sora_gateway.web.deps import authenticated
from sora_gateway.web.routes import DirectRoute, Endpoint

# To serve one, take out its row and write its route.
NOT_YET: tuple[tuple[str, str, Permission, str], ...] = (
    ("POST", "/v1/videos/{video_id}/remix", Permission.VIDEOS, "Remixes"),
    ("POST", "/v1/videos/edits", Permission.VIDEOS, "Edits of videos"),
    ("POST", "/v1/videos/extensions", Permission.VIDEOS, "Extensions of videos"),
    ("POST", "/v1/videos/characters", Permission.CHARACTERS, "Characters"),
    ("GET", "/v1/videos/characters/{character_id}", Permission.CHARACTERS, "Characters"),
    ("POST", "/v1/characters", Permission.CHARACTERS, "Characters"),
    ("GET", "/v1/characters", Permission.CHARACTERS, "Characters"),
    ("GET", "/v1/characters/{character_id}", Permission.CHARACTERS, "Characters"),
    ("DELETE", "/v1/characters/{character_id}", Permission.CHARACTERS, "Characters"),
    ("POST", "/v1/images/variations", Permission.IMAGES, "Variations of images"),
)


def _refusing(permission: Permission, what: str) -> Endpoint:
    async def refuse(request: Request) -> Response:
        await authenticated(request, permission)
        raise GatewayError(ErrorKind.UNSUPPORTED, f"{what} are not supported by this version of the server.")

    return refuse


def build_router() -> APIRouter:
    """Return the routes of ``NOT_YET``; each answers 400 ``unsupported`` to those who may use it."""
    router = APIRouter(route_class=DirectRoute, responses=RESPONSES, include_in_schema=False)
    for method, path, permission, what in NOT_YET:
        router.add_api_route(path, _refusing(permission, what), methods=[method])
    return router
