"""The routes of the Videos API."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Permission
from sora_gateway.domain.media import MediaKind
from sora_gateway.engine.generations import JobView
from sora_gateway.surfaces.openai.errors import RESPONSES
from sora_gateway.surfaces.openai.intake import accept
from sora_gateway.surfaces.openai.videos import wire
from sora_gateway.surfaces.openai.videos.render import (
    poll_headers,
    render_deleted,
    render_events,
    render_page,
    render_video,
)
from sora_gateway.surfaces.openai.videos.translate import (
    translate_create,
    translate_last_event,
    translate_listing,
    translate_variant,
)
from sora_gateway.web.deps import authenticated, services_of
from sora_gateway.web.files import StoredSource, deliver
from sora_gateway.web.forms import read_form
from sora_gateway.web.outputs import output_of
from sora_gateway.web.routes import DirectRoute, body, json_response, parameters
from sora_gateway.web.streaming import EventStream

router = APIRouter(route_class=DirectRoute, tags=["videos"], responses=RESPONSES)

_ID = parameters(path={"video_id": "the job's id"})
_FILES = {
    "200": {
        "description": "The file, or the part that `Range` names (206)",
        "content": {name: {} for name in ("video/mp4", "image/webp", "image/jpeg")},
    }
}
_EVENTS = {
    "200": {
        "description": "Events `video.queued`, `video.in_progress`, `video.progress`, `video.completed`, "
        "`video.failed`, `snapshot` with the Video object as data, and `ping`",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


def _own(view: JobView) -> JobView:
    if view.job.kind is not MediaKind.VIDEO:
        raise GatewayError(ErrorKind.NOT_FOUND, f"There is no video '{view.job.id}': the job makes images.")
    return view


def _video(view: JobView) -> Response:
    return json_response(render_video(view), headers=poll_headers(view.job))


@router.post(
    "/v1/videos",
    summary="Make a video",
    response_model=wire.Video,
    openapi_extra={
        "requestBody": body(wire.CREATE, files=("input_reference",)),
        "parameters": parameters(
            header={"Idempotency-Key": "equal requests with one key make one job, for 24 h"}
        ),
    },
)
async def create(request: Request) -> Response:
    """Accept a video job and answer at once; with ``n`` the first of its siblings."""
    caller = await authenticated(request, Permission.VIDEOS)
    async with read_form(request) as form:
        accepted = await accept(request, caller, form, translate_create(form))
    return _video(await services_of(request).generations.get(accepted.jobs[0].id, caller))


@router.get(
    "/v1/videos",
    summary="List videos",
    response_model=wire.VideoPage,
    openapi_extra={
        "parameters": parameters(
            query={"after": "the last id of the page before", "limit": "1 to 100, 20", "order": "asc or desc"}
        )
    },
)
async def listing(request: Request) -> Response:
    """List the caller's videos by creation time."""
    caller = await authenticated(request, Permission.VIDEOS)
    wanted = translate_listing(request.query_params)
    page = await services_of(request).generations.page(
        caller, after=wanted.after, limit=wanted.limit, ascending=wanted.ascending, kind=MediaKind.VIDEO
    )
    return json_response(render_page(page))


@router.get(
    "/v1/videos/{video_id}",
    summary="Look at a video",
    response_model=wire.Video,
    openapi_extra={"parameters": _ID},
)
async def retrieve(request: Request) -> Response:
    """Show a video job."""
    caller = await authenticated(request, Permission.VIDEOS)
    view = await services_of(request).generations.get(request.path_params["video_id"], caller)
    return _video(_own(view))


@router.delete(
    "/v1/videos/{video_id}",
    summary="Delete a video",
    response_model=wire.VideoDeleted,
    openapi_extra={"parameters": _ID},
)
async def delete(request: Request) -> Response:
    """Delete a video job and its files; one that still runs is cancelled first."""
    caller = await authenticated(request, Permission.VIDEOS)
    video_id = request.path_params["video_id"]
    await services_of(request).generations.delete(video_id, caller)
    return json_response(render_deleted(video_id))


@router.head("/v1/videos/{video_id}/content", include_in_schema=False)
@router.get(
    "/v1/videos/{video_id}/content",
    summary="Download a video, its thumbnail or its spritesheet",
    openapi_extra={
        "responses": _FILES,
        "parameters": [
            *_ID,
            *parameters(query={"variant": "video, thumbnail or spritesheet"}, header={"Range": "bytes=0-99"}),
        ],
    },
)
async def content(request: Request) -> Response:
    """Stream a file of a finished video."""
    caller = await authenticated(request, Permission.VIDEOS)
    services, video_id = services_of(request), request.path_params["video_id"]
    variant = translate_variant(request.query_params)
    output = await output_of(services, video_id, variant, 0, caller)
    return await deliver(request, StoredSource(services.vault, output.blob), name=video_id)


@router.post(
    "/v1/videos/{video_id}/cancel",
    summary="Cancel a video",
    response_model=wire.Video,
    openapi_extra={"parameters": _ID},
)
async def cancel(request: Request) -> Response:
    """Cancel a video job; one that has ended is shown unchanged."""
    caller = await authenticated(request, Permission.VIDEOS)
    return _video(await services_of(request).generations.cancel(request.path_params["video_id"], caller))


@router.get(
    "/v1/videos/{video_id}/events",
    summary="Watch a video",
    openapi_extra={
        "responses": _EVENTS,
        "parameters": [
            *_ID,
            *parameters(
                query={"last_event_id": "resume after this event"},
                header={"Last-Event-ID": "resume after this event"},
            ),
        ],
    },
)
async def events(request: Request) -> Response:
    """Stream what happens to a video job until it ends."""
    caller = await authenticated(request, Permission.VIDEOS)
    services, video_id = services_of(request), request.path_params["video_id"]
    seen = translate_last_event(request.headers, request.query_params)
    job = _own(await services.generations.get(video_id, caller)).job
    if job.is_final and seen == job.seq:
        return Response(status_code=204)  # tells an EventSource not to come back
    watched = services.generations.watch(video_id, caller, after_seq=seen)
    stream = render_events(watched, is_resumed=seen is not None)
    return EventStream(stream, beat_s=services.ping_s, beats_with_events=True)
