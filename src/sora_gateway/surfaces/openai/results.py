"""What became of jobs that a caller waited for."""

from __future__ import annotations

from starlette.requests import Request

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job, Status
from sora_gateway.domain.media import MediaKind, Output
from sora_gateway.surfaces.openai.errors import error_of
from sora_gateway.web.embedding import Embedded
from sora_gateway.web.links import MAIN_VARIANT, link_to
from sora_gateway.web.pictures import ENCODINGS, embedded
from sora_gateway.web.state import Services

_NAMES = {media_type: name for name, media_type in ENCODINGS.items()}
_WORDS = {MediaKind.IMAGE: "image", MediaKind.VIDEO: "video"}


def results_of(job: Job) -> tuple[Output, ...]:
    """Return the results of a completed job, without thumbnails and the like.

    Raises:
        GatewayError: the job's own error, if it has failed or was cancelled.
    """
    if job.error is not None:
        raise error_of(job.error)
    return tuple(output for output in job.outputs if output.variant is MAIN_VARIANT[job.kind])


def still_running(request: Request, job: Job) -> GatewayError:
    """Return the error of an answer that waited as long as it may; the job goes on."""
    what, link = _WORDS[job.kind], link_to(request, job)
    return GatewayError(
        ErrorKind.STILL_RUNNING,
        f"The {what} is still being made, as job '{job.id}'. Once it is finished it opens at {link}",
    )


def is_completed(job: Job) -> bool:
    """Tell whether there are results."""
    return job.status is Status.COMPLETED


def encoding_of(output: Output, wanted: str | None) -> str | None:
    """Return OpenAI's word for what a picture is given as, None if it has none."""
    return wanted or _NAMES.get(output.blob.media_type)


async def embedded_of(services: Services, output: Output, encoding: str | None) -> Embedded:
    """Return what stands in ``json_with_files`` for a picture as base64, in ``encoding`` (None: as it is)."""
    return await embedded(services, output.blob, encoding)


async def base64_of(services: Services, output: Output, encoding: str | None) -> str:
    """Return the same as text."""
    return await (await embedded_of(services, output, encoding)).text()
