"""Make the links that open results in a browser without a key, and serve them."""

from __future__ import annotations

import re

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.media import MediaKind, Variant
from sora_gateway.web.deps import require_working, services_of
from sora_gateway.web.files import StoredSource, deliver
from sora_gateway.web.outputs import output_of
from sora_gateway.web.pictures import ENCODINGS, converted
from sora_gateway.web.routes import REFUSED, DirectRoute, files, parameters

_INDEX = re.compile(r"^(\d{1,4})(?:\.[a-z0-9]{1,5})?$")
MAIN_VARIANT = {MediaKind.IMAGE: Variant.IMAGE, MediaKind.VIDEO: Variant.VIDEO}

router = APIRouter(route_class=DirectRoute, tags=["files"])


def link_to(
    request: Request, job: Job, *, index: int = 0, variant: Variant | None = None, encoding: str | None = None
) -> str:
    """Return an absolute link to a result of ``job``; it may be made before the result is there.

    It begins with the public URL of the settings, else with the origin and the mount that ``request`` came
    to. ``encoding`` asks for an image in another format.
    """
    services = services_of(request)
    expires_at = job.expires_at if job.expires_at is not None else services.now() + services.link_s
    path = services.links.sign(job.id, variant or MAIN_VARIANT[job.kind], index, expires_at)
    base = services.public_url or str(request.base_url)
    return f"{base.rstrip('/')}/v1/files/{path}" + (f"&format={encoding}" if encoding else "")


@router.head("/v1/files/{job_id}/{variant}/{file}", include_in_schema=False)
@router.get(
    "/v1/files/{job_id}/{variant}/{file}",
    summary="Open a result by a signed link, without a key",
    openapi_extra={
        "security": [],
        "responses": {**REFUSED, **files("video/mp4", "image/png", "image/webp", "image/jpeg")},
        "parameters": parameters(
            path={"job_id": "the job", "variant": "video, thumbnail, spritesheet or image", "file": "index"},
            query={"exp": "Unix seconds", "sig": "signature", "format": "png, jpeg or webp, for images"},
        ),
    },
)
async def open_link(request: Request) -> Response:
    """Serve what the link names, for browsers and players: shown in place, with ranges."""
    require_working(request)
    services, params, query = services_of(request), request.path_params, request.query_params
    job_id, index = params["job_id"], _INDEX.match(params["file"])
    if index is None or params["variant"] not in set(Variant):
        raise GatewayError(ErrorKind.NOT_FOUND, f"There is no file '{request.url.path}'.")
    variant, number = Variant(params["variant"]), int(index[1])
    if not services.links.verify(job_id, variant, number, query.get("exp", ""), query.get("sig", "")):
        raise GatewayError(
            ErrorKind.PERMISSION_DENIED, "The link has expired or was altered.", code="invalid_link"
        )
    output = await output_of(services, job_id, variant, number, None)
    name = f"{job_id}-{number}" if number else job_id
    encoding = query.get("format")
    if encoding is not None and encoding in ENCODINGS and variant is Variant.IMAGE:
        return await deliver(
            request, await converted(services, output.blob, encoding), name=name, is_inline=True
        )
    return await deliver(
        request, StoredSource(services.vault, output.blob, services.accel_prefix), name=name, is_inline=True
    )
