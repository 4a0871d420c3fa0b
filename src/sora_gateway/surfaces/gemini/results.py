"""What became of jobs that a caller waited for."""

from __future__ import annotations

from starlette.requests import Request

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.media import Output
from sora_gateway.surfaces.gemini.errors import error_of
from sora_gateway.web.embedding import Embedded
from sora_gateway.web.links import MAIN_VARIANT, link_to
from sora_gateway.web.pictures import ENCODINGS, embedded
from sora_gateway.web.state import Services


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
    return GatewayError(
        ErrorKind.STILL_RUNNING,
        f"The {job.kind.value} is still being made, as job '{job.id}'. "
        f"Once it is finished it opens at {link_to(request, job)}",
    )


def media_type_of(output: Output, encoding: str | None) -> str:
    """Return the type that a picture is given in, ``encoding`` None: as it is."""
    return output.blob.media_type if encoding is None else ENCODINGS[encoding]


async def embedded_of(services: Services, output: Output, encoding: str | None) -> Embedded:
    """Return what stands in ``json_with_files`` for a picture as base64, in ``encoding`` (None: as it is)."""
    return await embedded(services, output.blob, encoding)
