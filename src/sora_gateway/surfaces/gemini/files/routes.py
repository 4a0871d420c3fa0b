"""The route by which the SDKs download results."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Permission
from sora_gateway.surfaces.gemini.errors import RESPONSES
from sora_gateway.surfaces.gemini.names import VERSIONS, file_name_in
from sora_gateway.web.deps import authenticated, services_of
from sora_gateway.web.files import StoredSource, deliver
from sora_gateway.web.links import MAIN_VARIANT
from sora_gateway.web.outputs import output_of
from sora_gateway.web.routes import DirectRoute, files, parameters


async def download(request: Request) -> Response:
    """Stream a result. The last ``files/{id}`` counts: SDKs paste whole ``http`` uris behind the first."""
    caller = await authenticated(request, Permission.GEMINI)
    services, asked = services_of(request), request.path_params["file"]
    name = file_name_in(f"files/{asked}")
    if name is None:
        raise GatewayError(ErrorKind.NOT_FOUND, f"There is no file '{asked[:80]}'.", param="file")
    output = await output_of(services, name.job_id, MAIN_VARIANT[name.kind], name.index, caller)
    return await deliver(
        request, StoredSource(services.vault, output.blob, services.accel_prefix), name=name.id
    )


_FILES = files("video/mp4", "image/png", "image/webp", "image/jpeg")


def build_router() -> APIRouter:
    """Return the route, under each version."""
    router = APIRouter(route_class=DirectRoute, tags=["gemini"], responses=RESPONSES)
    for version in VERSIONS:
        path = f"/{version}/files/{{file:path}}:download"
        router.add_api_route(path, download, methods=["HEAD"], include_in_schema=False)
        router.add_api_route(
            path,
            download,
            methods=["GET"],
            summary="Download a result",
            include_in_schema=version == VERSIONS[0],
            openapi_extra={
                "responses": _FILES,
                "parameters": parameters(
                    path={"file": "the file's id, from a `uri` or `fileUri`"},
                    query={"alt": "media"},
                    header={"Range": "bytes=0-99"},
                ),
            },
        )
    return router
