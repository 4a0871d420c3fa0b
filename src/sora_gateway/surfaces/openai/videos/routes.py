"""The routes of the Videos API."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.domain.media import MediaKind
from sora_gateway.engine.generations import JobView
from sora_gateway.surfaces.openai.errors import RESPONSES
from sora_gateway.surfaces.openai.intake import Draft, accept
from sora_gateway.surfaces.openai.listing import LISTING, translate_listing
from sora_gateway.surfaces.openai.videos import wire
from sora_gateway.surfaces.openai.videos.render import (
    poll_headers,
    render_deleted,
    render_detailed,
    render_events,
    render_page,
    render_video,
)
from sora_gateway.surfaces.openai.videos.translate import (
    translate_create,
    translate_detail,
    translate_edit,
    translate_extension,
    translate_last_event,
    translate_remix,
    translate_variant,
)
from sora_gateway.web.deps import authenticated, services_of
from sora_gateway.web.draining import COME_BACK
from sora_gateway.web.files import StoredSource, deliver
from sora_gateway.web.forms import Form, read_form
from sora_gateway.web.outputs import output_of
from sora_gateway.web.routes import DirectRoute, body, files, json_response, parameters
from sora_gateway.web.streaming import EventStream, first_of
from sora_gateway.web.waiting import wait_as_preferred

router = APIRouter(route_class=DirectRoute, tags=["videos"], responses=RESPONSES)

_ID = parameters(path={"video_id": "the job's id"})
_FILES = files("video/mp4", "image/webp", "image/jpeg")
_EVENTS = {
    "200": {
        "description": "Events `video.queued`, `video.in_progress`, `video.progress`, `video.completed`, "
        "`video.failed`, `snapshot` with the Video object as data, and `ping`",
        "content": {"text/event-stream": {}},
    },
    "204": {"description": "`Last-Event-ID` is the last event of a job that has ended"},
}


_KEY = parameters(
    header={
        "Idempotency-Key": "equal requests with one key make one job, for 24 h",
        "Prefer": "wait=N: answer when the job has ended, after N seconds at the latest",
    }
)


def _own(view: JobView) -> JobView:
    if view.job.kind is not MediaKind.VIDEO:
        what = f"'{view.job.id}' is the job of {_OTHERS[view.job.kind]}"
        raise GatewayError(ErrorKind.NOT_FOUND, f"There is no such video: {what}.", param="id")
    return view


_OTHERS = {MediaKind.IMAGE: "images", MediaKind.CHARACTER: "a character"}


async def _wanted(request: Request, caller: Caller) -> JobView:
    """Return the caller's video that the path names."""
    return _own(await services_of(request).generations.get(request.path_params["video_id"], caller))


def _video(view: JobView) -> Response:
    return json_response(render_video(view), headers=poll_headers(view.job))


async def _make(request: Request, translate: Callable[[Form], Draft]) -> Response:
    """Accept what is asked for and show the job, with ``n`` the first of its siblings."""
    caller = await authenticated(request, Permission.VIDEOS)
    async with read_form(request) as form:
        accepted = await accept(request, caller, form, translate(form))
    job, headers = await wait_as_preferred(request, accepted.jobs[0], caller)
    view = await services_of(request).generations.view(job)
    return json_response(render_video(view), headers={**poll_headers(view.job), **headers})


@router.post(
    "/v1/videos",
    summary="Make a video",
    response_model=wire.Video,
    openapi_extra={"requestBody": body(wire.CREATE, files=("input_reference",)), "parameters": _KEY},
)
async def create(request: Request) -> Response:
    """Accept a video job and answer at once; with ``n`` the first of its siblings."""
    return await _make(request, translate_create)


@router.post(
    "/v1/videos/{video_id}/remix",
    summary="Change a finished video",
    response_model=wire.Video,
    openapi_extra={
        "requestBody": body(wire.REMIX, files=("input_reference",)),
        "parameters": [*_ID, *_KEY],
    },
)
async def remix(request: Request) -> Response:
    """Accept a job that makes the video anew, changed as the prompt says."""
    video_id = request.path_params["video_id"]
    return await _make(request, lambda form: translate_remix(form, video_id))


@router.post(
    "/v1/videos/edits",
    summary="Change a finished video that a field names",
    response_model=wire.Video,
    openapi_extra={"requestBody": body(wire.EDIT, files=("input_reference",)), "parameters": _KEY},
)
async def edit(request: Request) -> Response:
    """Do the same as a remix."""
    return await _make(request, translate_edit)


@router.post(
    "/v1/videos/extensions",
    summary="Carry a finished video on",
    response_model=wire.Video,
    openapi_extra={"requestBody": body(wire.EXTENSION), "parameters": _KEY},
)
async def extend(request: Request) -> Response:
    """Accept a job that makes the video longer; its file begins with the old one."""
    return await _make(request, translate_extension)


@router.get(
    "/v1/videos",
    summary="List videos",
    response_model=wire.VideoPage,
    openapi_extra={"parameters": LISTING},
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
    response_model=wire.DetailedVideo | wire.Video,
    openapi_extra={
        "parameters": [*_ID, *parameters(query={"detail": "true: with `attempts` and `history`"})],
    },
)
async def retrieve(request: Request) -> Response:
    """Show a video job; with ``detail`` how it went, too."""
    caller = await authenticated(request, Permission.VIDEOS)
    is_detailed = translate_detail(request.query_params)
    view = await _wanted(request, caller)
    if not is_detailed:
        return _video(view)
    history = await services_of(request).generations.history(view.job)
    return json_response(render_detailed(view, history), headers=poll_headers(view.job))


@router.delete(
    "/v1/videos/{video_id}",
    summary="Delete a video",
    response_model=wire.VideoDeleted,
    openapi_extra={"parameters": _ID},
)
async def delete(request: Request) -> Response:
    """Delete a video job and its files; one that still runs is cancelled first."""
    caller = await authenticated(request, Permission.VIDEOS)
    video_id = (await _wanted(request, caller)).job.id
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
    return await deliver(
        request, StoredSource(services.vault, output.blob, services.accel_prefix), name=video_id
    )


@router.post(
    "/v1/videos/{video_id}/cancel",
    summary="Cancel a video",
    response_model=wire.Video,
    openapi_extra={"parameters": _ID},
)
async def cancel(request: Request) -> Response:
    """Cancel a video job; one that has ended is shown unchanged."""
    caller = await authenticated(request, Permission.VIDEOS)
    video_id = (await _wanted(request, caller)).job.id
    return _video(await services_of(request).generations.cancel(video_id, caller))


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
    job = (await _wanted(request, caller)).job
    if job.is_final and seen == job.seq:
        return Response(status_code=204)  # tells an EventSource not to come back
    watched = services.generations.watch(video_id, caller, after_seq=seen)
    stream = render_events(watched, is_resumed=seen is not None)
    first = await first_of(stream) if seen != job.seq else ()  # else nothing is new, perhaps for long
    return EventStream(
        stream, first=first, beat_s=services.ping_s, beats_with_events=True, farewell=COME_BACK
    )
