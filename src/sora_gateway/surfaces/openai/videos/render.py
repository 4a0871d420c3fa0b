"""Show jobs as OpenAI's Video objects."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Literal

from sora_gateway.domain.jobs import Job, JobError, Status
from sora_gateway.domain.media import Output, Variant
from sora_gateway.domain.priorities import shown_service_tier
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.engine.explaining import Happening
from sora_gateway.engine.generations import JobView, Watched
from sora_gateway.engine.making import character_of
from sora_gateway.ports.stores import Page
from sora_gateway.surfaces.openai.errors import code_of
from sora_gateway.surfaces.openai.videos.wire import (
    DetailedVideo,
    Effective,
    Video,
    VideoCharacter,
    VideoDeleted,
    VideoError,
    VideoHappening,
    VideoPage,
)
from sora_gateway.web.streaming import encode_event, watching

POLL_AFTER_MS = 2000
"""Read once by the SDK's ``poll()``, from the first unfinished answer, with ``int()``."""

_STATUS: Mapping[Status, Literal["queued", "in_progress", "completed", "failed"]] = {
    Status.QUEUED: "queued",
    Status.IN_PROGRESS: "in_progress",
    Status.COMPLETED: "completed",
    Status.FAILED: "failed",
    Status.CANCELLED: "failed",  # any other word ends the SDK's poll() as if it were finished
}


def poll_headers(job: Job) -> dict[str, str]:
    """Return how soon to look again, nothing once there is no need to."""
    return {} if job.is_final else {"openai-poll-after-ms": str(POLL_AFTER_MS)}


def render_video(view: JobView) -> Video:
    """Return the Video object of a job."""
    job, request = view.job, view.job.request
    is_done = job.status is Status.COMPLETED
    return {
        "id": job.id,
        "object": "video",
        "model": request.model,
        "status": _STATUS[job.status],
        "progress": job.percent,
        "created_at": int(job.created_at),
        "completed_at": int(job.completed_at) if is_done and job.completed_at is not None else None,
        "expires_at": int(job.expires_at) if job.expires_at is not None else None,
        "prompt": request.prompt,
        "size": request.size,
        "seconds": str(request.total_s),
        "remixed_from_video_id": request.source.job_id if request.source is not None else None,
        "error": _said(job.error),
        "queue_position": view.queue_position,
        "eta_s": view.eta_s,
        "effective": _effective(job),
        "variants": list(job.variants),
        "character": _character(job),
        "character_error": _said(job.character_error),
    }


def render_detailed(view: JobView, history: Sequence[Happening]) -> DetailedVideo:
    """Return the Video object with how the job went."""
    shown = [_happening(one) for one in history]
    return {**render_video(view), "attempts": view.job.tries, "history": shown}


def _happening(one: Happening) -> VideoHappening:
    return {
        "at": round(one.at, 3),
        "event": one.event,
        "account": one.account,
        "detail": one.detail,
        "next_try_at": None if one.next_try_at is None else round(one.next_try_at, 3),
    }


def _said(error: JobError | None) -> VideoError | None:
    if error is None:
        return None
    return {"code": code_of(error.kind, error.code), "message": error.message}


def _character(job: Job) -> VideoCharacter | None:
    """Return the character of the result, or the one that was made first, as soon as it is there."""
    made = character_of(job)
    return {"id": made[0], "username": made[1]} if made is not None else None


def _effective(job: Job) -> Effective:
    request = job.request
    output = next((output for output in job.outputs if output.variant is Variant.VIDEO), None)
    return {
        "model": request.family.value,
        "size": request.size,
        "seconds": str(request.total_s),
        "duration": request.total_s,
        "orientation": request.aspect.value,
        "hd": request.hd,
        "pro": request.pro,
        "storyboard": request.storyboard,
        "private": request.private,
        "style": request.style,
        "watermark": _watermark(request, output),
        "width": output.blob.width_px if output else None,
        "height": output.blob.height_px if output else None,
        "extension_s": request.duration_s if request.extend is not None else None,
        "remix_target": request.remix_post,
        "service_tier": shown_service_tier(job.priority),
    }


def _watermark(request: GenerationRequest, output: Output | None) -> bool | None:
    if output is not None and output.watermark is not None:
        return output.watermark
    return True if request.watermark else None


def render_page(page: Page) -> VideoPage:
    """Return a piece of the list."""
    jobs = page.jobs
    return {
        "object": "list",
        "data": [render_video(JobView(job=job)) for job in jobs],
        "first_id": jobs[0].id if jobs else None,
        "last_id": jobs[-1].id if jobs else None,
        "has_more": page.has_more,
    }


def render_deleted(job_id: str) -> VideoDeleted:
    """Return the answer to a deletion."""
    return {"id": job_id, "object": "video.deleted", "deleted": True}


async def render_events(events: AsyncIterator[Watched], *, is_resumed: bool) -> AsyncGenerator[bytes, None]:
    """Yield a job's events: named after its state when that is news, else ``video.progress``."""
    before: Status | None = None
    async with watching(events):
        async for watched in events:
            yield encode_event(
                render_video(watched.view), event=_name(watched, before, is_resumed), id=str(watched.seq)
            )
            before = watched.view.job.status


def _name(watched: Watched, before: Status | None, is_resumed: bool) -> str:
    if watched.is_snapshot:
        return "snapshot"
    job = watched.view.job
    # A job begins to run at 0 %, so one that is resumed further on began before.
    ran_before = before is None and is_resumed and job.status is Status.IN_PROGRESS and job.percent > 0
    return "video.progress" if job.status is before or ran_before else f"video.{_STATUS[job.status]}"
