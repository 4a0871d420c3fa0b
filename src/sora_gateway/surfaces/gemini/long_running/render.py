"""Show jobs as operations; an operation is all siblings of one request."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sora_gateway.domain.jobs import Job, Status
from sora_gateway.domain.media import Blob, Variant
from sora_gateway.engine.generations import JobView
from sora_gateway.surfaces.gemini.errors import ErrorBody, error_of, render_error
from sora_gateway.surfaces.gemini.long_running.wire import (
    FetchedOperation,
    GenerateVideoResponse,
    Metadata,
    Operation,
)

_METADATA = "type.googleapis.com/sora_gateway.VideoMetadata"
_RESPONSE = "type.googleapis.com/google.ai.generativelanguage.v1beta.PredictLongRunningResponse"
_FETCHED = "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"


def render_operation(name: str, views: Sequence[JobView], uri_of: Callable[[Job], str]) -> Operation:
    """Return the operation ``name``, with links to the files once all of its jobs have ended."""
    operation = _base(name, views)
    error = _error(views)
    if error is not None:
        operation["error"] = error
    elif operation["done"]:
        response: GenerateVideoResponse = {
            "generatedSamples": [
                {"video": {"uri": uri_of(job), "encoding": file_of(job).media_type}}
                for job in completed(views)
            ]
        }
        reasons = _reasons(views)
        if reasons:
            response["raiMediaFilteredCount"] = len(reasons)
            response["raiMediaFilteredReasons"] = reasons
        operation["response"] = {"@type": _RESPONSE, "generateVideoResponse": response}
    return operation


def render_fetched(name: str, views: Sequence[JobView], base64_of: Callable[[Job], str]) -> FetchedOperation:
    """Return the operation with the files in it once all of its jobs have ended."""
    base = _base(name, views)
    operation: FetchedOperation = {"name": name, "metadata": base["metadata"], "done": base["done"]}
    error = _error(views)
    if error is not None:
        operation["error"] = error
    if error is not None or not operation["done"]:
        return operation
    operation["response"] = {
        "@type": _FETCHED,
        "videos": [
            {"mimeType": file_of(job).media_type, "bytesBase64Encoded": base64_of(job)}
            for job in completed(views)
        ],
    }
    reasons = _reasons(views)
    if reasons:
        operation["response"]["raiMediaFilteredCount"] = len(reasons)
        operation["response"]["raiMediaFilteredReasons"] = reasons
    return operation


def completed(views: Sequence[JobView]) -> list[Job]:
    """Return the jobs that have a result."""
    return [view.job for view in views if view.job.status is Status.COMPLETED]


def file_of(job: Job) -> Blob:
    """Return the video of a completed job."""
    return next(output.blob for output in job.outputs if output.variant is Variant.VIDEO)


def _base(name: str, views: Sequence[JobView]) -> Operation:
    jobs = [view.job for view in views]
    slowest = min(views, key=_lead)
    metadata: Metadata = {
        "@type": _METADATA,
        "state": slowest.job.status.value,
        "progressPercent": slowest.job.percent,
        "videoIds": [job.id for job in jobs],
    }
    if slowest.queue_position is not None:
        metadata["queuePosition"] = slowest.queue_position
    if slowest.eta_s is not None:
        metadata["etaSeconds"] = slowest.eta_s
    return {"name": name, "metadata": metadata, "done": all(job.is_final for job in jobs)}


def _lead(view: JobView) -> tuple[bool, bool, int]:
    """Order by who tells how it goes: who still works, else who has a result."""
    job = view.job
    return job.is_final, job.is_final and job.status is not Status.COMPLETED, job.percent


def _error(views: Sequence[JobView]) -> ErrorBody | None:
    """Return the error of the first job if none has a result."""
    errors = [view.job.error for view in views if view.job.error is not None]
    if len(errors) < len(views):
        return None
    body: ErrorBody = render_error(error_of(errors[0]))["error"]
    return body


def _reasons(views: Sequence[JobView]) -> list[str]:
    return [view.job.error.message for view in views if view.job.error is not None]
