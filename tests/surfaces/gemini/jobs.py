"""Jobs for samples: every field fixed."""

from __future__ import annotations

from dataclasses import replace

from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.jobs import Job, JobError, Phase
from sora_gateway.domain.media import Blob, Output, Variant
from sora_gateway.domain.parameters import resolve

AT = 1_763_812_800.4
ID = "video_01kanar9g0"


def video_job(job_id: str = ID) -> Job:
    """A queued video."""
    request = resolve({"model": "sora_video2", "prompt": "画小猫"}).request
    return Job(id=job_id, owner="o", request=request, signature="s", created_at=AT, updated_at=AT)


def running(job: Job, progress: float) -> Job:
    """The job at work."""
    return replace(job, phase=Phase.RUNNING, progress=progress)


def completed(job: Job, size_bytes: int = 9) -> Job:
    """The job with its file."""
    blob = Blob(name=f"{job.id}/v", media_type="video/mp4", size_bytes=size_bytes, digest="d")
    outputs = (Output(variant=Variant.VIDEO, index=0, blob=blob),)
    return replace(job, phase=Phase.COMPLETED, progress=1.0, outputs=outputs, completed_at=AT + 90)


def failed(job: Job) -> Job:
    """The job, refused for its content."""
    error = JobError(kind=ErrorKind.CONTENT_REFUSED, message="No cats.", code="content_refused")
    return replace(job, phase=Phase.FAILED, error=error, progress=0.3, completed_at=AT + 9)


def cancelled(job: Job) -> Job:
    """The job, no longer wanted."""
    error = JobError(kind=ErrorKind.CANCELLED, message="The job was cancelled.", code="cancelled")
    return replace(job, phase=Phase.CANCELLED, error=error, completed_at=AT + 9)
