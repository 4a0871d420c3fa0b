"""The routes of the Files API; any key may use them, each for its own files.

Signed links lie two levels below ``/v1/files/{id}`` and Gemini's downloads end in ``:download``; both have
routes of their own.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.surfaces.openai.errors import RESPONSES
from sora_gateway.surfaces.openai.files import wire
from sora_gateway.surfaces.openai.files.render import render_deleted, render_file, render_page
from sora_gateway.surfaces.openai.files.translate import translate_listing, translate_upload
from sora_gateway.web.deps import authenticated, services_of
from sora_gateway.web.files import StoredSource, deliver
from sora_gateway.web.forms import read_form
from sora_gateway.web.routes import DirectRoute, files, json_response, parameters

router = APIRouter(route_class=DirectRoute, tags=["files"], responses=RESPONSES)

_ID = parameters(path={"file_id": "a file's id, or that of a finished image or video job"})
_BODY = {"required": True, "content": {"multipart/form-data": {"schema": wire.UPLOAD}}}
_TYPES = ("image/png", "image/jpeg", "image/webp", "video/mp4", "video/quicktime", "video/webm")
_CONTENT = files(*_TYPES)


@router.post(
    "/v1/files",
    summary="Upload a picture or a video",
    response_model=wire.File,
    openapi_extra={"requestBody": _BODY},
)
async def upload(request: Request) -> Response:
    """Keep a file, so that requests can name it."""
    caller = await authenticated(request)
    async with read_form(request) as form:
        sent = translate_upload(form)
        file = await services_of(request).files.add(
            sent.upload.file,
            caller,
            name=sent.name,
            purpose=sent.purpose,
            keep_s=sent.keep_s,
            param="file",
        )
    return json_response(render_file(file))


@router.get(
    "/v1/files",
    summary="List files",
    response_model=wire.FilePage,
    openapi_extra={
        "parameters": parameters(
            query={
                "after": "the last id of the page before",
                "limit": "1 to 10000; a page has at most 100",
                "order": "asc or desc",
                "purpose": "only files of this purpose",
            }
        )
    },
)
async def listing(request: Request) -> Response:
    """List the caller's files by creation time."""
    caller = await authenticated(request)
    wanted = translate_listing(request.query_params)
    page = await services_of(request).files.page(
        caller,
        after=wanted.after,
        limit=wanted.limit,
        ascending=wanted.ascending,
        purpose=wanted.purpose,
    )
    return json_response(render_page(page))


@router.get(
    "/v1/files/{file_id}",
    summary="Look at a file",
    response_model=wire.File,
    openapi_extra={"parameters": _ID},
)
async def retrieve(request: Request) -> Response:
    """Show a file, or a finished result as one."""
    caller = await authenticated(request)
    return json_response(
        render_file(await services_of(request).files.get(request.path_params["file_id"], caller))
    )


@router.delete(
    "/v1/files/{file_id}",
    summary="Delete a file",
    response_model=wire.FileDeleted,
    openapi_extra={"parameters": _ID},
)
async def delete(request: Request) -> Response:
    """Delete a file; jobs that were made with it keep their copies."""
    caller = await authenticated(request)
    file_id = request.path_params["file_id"]
    await services_of(request).files.delete(file_id, caller)
    return json_response(render_deleted(file_id))


@router.head("/v1/files/{file_id}/content", include_in_schema=False)
@router.get(
    "/v1/files/{file_id}/content",
    summary="Download a file",
    openapi_extra={
        "responses": _CONTENT,
        "parameters": [*_ID, *parameters(header={"Range": "bytes=0-99"})],
    },
)
async def content(request: Request) -> Response:
    """Stream a file, or a finished result."""
    caller = await authenticated(request)
    services, file_id = services_of(request), request.path_params["file_id"]
    file = await services.files.get(file_id, caller)
    return await deliver(
        request, StoredSource(services.vault, file.blob, services.accel_prefix), name=file.id
    )
