"""Find the file of a finished job, or say why there is none in a way that nobody asks again."""

from __future__ import annotations

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.media import Output, Variant
from sora_gateway.web.state import Services


async def output_of(
    services: Services, job_id: str, variant: Variant, index: int, caller: Caller | None
) -> Output:
    """Return where a result lies, see ``Generations.output``.

    Raises:
        GatewayError(not_found): also for a failed job, with the job's own code and message: the file is
            missing, and a 5xx would only be sent again.
    """
    try:
        return await services.generations.output(job_id, variant, index, caller)
    except GatewayError as error:
        if error.kind is not ErrorKind.GENERATION_FAILED:
            raise
        code = error.code or error.kind.value
        raise GatewayError(ErrorKind.NOT_FOUND, error.message, code=code) from error
