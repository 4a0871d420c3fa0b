"""Say in plain words how the work goes and where its result is, in whatever dialect it is said."""

from __future__ import annotations

from collections.abc import Iterable

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job, Status
from sora_gateway.domain.media import MediaKind
from sora_gateway.engine.generations import JobView
from sora_gateway.engine.making import character_of


def tell_result(kind: MediaKind, url: str) -> str:
    """Return the markdown of a result, as most chat clients show it: a picture, or a video and its link."""
    if kind is MediaKind.IMAGE:
        return f"![image]({url})"
    return f'<video src="{url}" controls></video>\n\n{tell_download(url)}'


def tell_download(url: str) -> str:
    """Return the markdown of a link to a video."""
    return f"[Download video]({url})"


def tell_unfinished(kind: MediaKind, job_id: str, url: str) -> str:
    """Return what is said when the answer cannot wait any longer."""
    return (
        f"The {kind.value} is still being made, as job `{job_id}`. "
        f"Once it is finished it opens here: [{job_id}]({url})"
    )


def tell_character(job: Job) -> str | None:
    """Return what became of the character that the job was to make, None if it was to make none."""
    character = character_of(job)
    if character is not None:
        return f"The character `@{character[1]}` is ready: name it in a prompt."
    return (
        f"No character was made: {job.character_error.message}" if job.character_error is not None else None
    )


def tell_failed(message: str) -> str:
    """Return what is said of one result among several."""
    return f"One result could not be made: {message}"


def tell_progress(view: JobView, position: int, count: int) -> str:
    """Return a line about how the job ``position`` (from 1) of ``count`` goes; siblings are told apart."""
    job = view.job
    if job.status is Status.QUEUED:
        place = f", position {view.queue_position}" if view.queue_position is not None else ""
        eta = f", about {view.eta_s} s" if view.eta_s is not None else ""
        text = f"Queued{place}{eta}"
    elif job.status is Status.IN_PROGRESS:
        text = f"In progress: {job.percent} %"
    else:
        text = job.status.value.capitalize()
    return f"{position} of {count}: {text}\n" if count > 1 else f"{text}\n"


def stopping(urls: Iterable[str]) -> GatewayError:
    """Return the error that ends a stream when the server does; ``urls`` are where the results will be."""
    message = (
        f"The server is being restarted. The job goes on; once it is finished it opens at {', '.join(urls)}"
    )
    return GatewayError(ErrorKind.INTERNAL, message, code="server_stopping")
