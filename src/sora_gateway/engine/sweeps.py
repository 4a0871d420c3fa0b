"""Do what time alone brings: end what is overdue, archive what ended, remove what expired."""

from __future__ import annotations

import asyncio
from functools import partial

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Failed, Job, JobError, Phase, advance
from sora_gateway.engine.settling import failed_unknown
from sora_gateway.engine.tools import NodeTools
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

_EVERY_S = 1.0
_BATCH = 100

_TOO_LONG = {
    Phase.QUEUED: "No account became free for this generation in time.",
    Phase.BOUND: "The generation could not be handed to the backend in time.",
    Phase.SUBMITTING: "The generation could not be handed to the backend in time.",
    Phase.RUNNING: "The backend did not finish this generation in time.",
    Phase.COLLECTING: "The finished result could not be copied from the backend in time.",
}


def overdue(job: Job, now_s: float) -> Failed | None:
    """Return the event that ends a job whose phase has lasted too long, None if it has not."""
    if job.is_final or not 0 < job.deadline_at <= now_s:
        return None
    ticket = job.attempt.ticket if job.attempt is not None else None
    if job.phase in (Phase.SUBMITTING, Phase.AMBIGUOUS):
        return failed_unknown(ticket)
    message = f"{_TOO_LONG[job.phase]} It was not charged."
    error = JobError(kind=ErrorKind.TIMEOUT, message=message, code="timeout")
    return Failed(error=error, is_over_at_backend=job.phase is not Phase.RUNNING, ticket=ticket)


class Sweeper:
    """Served by any node; each step is safe to do twice."""

    def __init__(self, tools: NodeTools) -> None:
        self._tools = tools

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            try:
                await self._end_overdue()
                await self._tools.jobs.archive(_BATCH)
                await self._remove_expired()
            except GatewayError as error:
                log.warning("cannot sweep", error=error.message)
            await asyncio.sleep(_EVERY_S)

    async def _end_overdue(self) -> None:
        for job_id in await self._tools.jobs.due_deadlines(_BATCH):
            before, after = await self._tools.jobs.change(job_id, partial(self._end, self._tools.now()))
            if after is not before:
                log.warning("job took too long", job_id=job_id, phase=before.phase.value)

    def _end(self, now_s: float, job: Job) -> Job:
        event = overdue(job, now_s)
        return job if event is None else advance(job, event, now_s, self._tools.config.limits)

    async def _remove_expired(self) -> None:
        for job in await self._tools.jobs.expired(_BATCH):
            # Siblings share their inputs: those go by age.
            inputs = () if job.variants else job.request.inputs
            for blob in (*(output.blob for output in job.outputs), *inputs):
                await self._tools.vault.delete(blob.name)
            await self._tools.jobs.forget_blobs(job.id)
            log.info("result removed", job_id=job.id)
