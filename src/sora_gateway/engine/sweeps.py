"""Do what time alone brings: end what is overdue, archive what ended, remove what expired."""

from __future__ import annotations

import asyncio
from functools import partial

from sora_gateway.domain.advance import advance
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import Failed
from sora_gateway.domain.jobs import Job, JobError, Phase
from sora_gateway.engine.clock import StoreClock
from sora_gateway.engine.files import FOLDER
from sora_gateway.engine.settling import failed_unknown
from sora_gateway.engine.tools import NodeTools
from sora_gateway.kit.clock import boottime
from sora_gateway.ports.stores import FileStore
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

_EVERY_S = 1.0
_SYNC_EVERY_S = 60.0
_GARBAGE_EVERY_S = 3600.0
_HALF_WRITTEN_S = 6 * 3600.0
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

    def __init__(self, tools: NodeTools, files: FileStore, clock: StoreClock | None = None) -> None:
        self._tools = tools
        self._files = files
        self._clock = clock
        self._next_sync = boottime() + _SYNC_EVERY_S
        self._next_garbage = boottime() + _GARBAGE_EVERY_S

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            try:
                await self._end_overdue()
                await self._tools.jobs.archive(_BATCH)
                await self._remove_expired()
                await self._remove_expired_files()
                if self._clock is not None and boottime() >= self._next_sync:
                    self._next_sync = boottime() + _SYNC_EVERY_S
                    await self._clock.sync()
                if boottime() >= self._next_garbage:
                    self._next_garbage = boottime() + _GARBAGE_EVERY_S
                    await self._remove_garbage()
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

    async def _remove_garbage(self) -> None:
        """Remove files that nothing holds: losers of a race, inputs of jobs that ended long ago."""
        config = self._tools.config
        await self._tools.vault.sweep(_HALF_WRITTEN_S)
        for name in await self._tools.vault.names(config.retention_s + config.limits.queue_s):
            if await self._is_garbage(name):
                await self._tools.vault.delete(name)
                log.info("file that nothing holds removed", name=name)

    async def _is_garbage(self, name: str) -> bool:
        folder, _, rest = name.partition("/")
        if folder == "inputs":
            return True
        if folder == FOLDER:
            return await self._files.get(rest) is None
        job = await self._tools.jobs.get(rest.partition("/")[0])
        return job is None or all(output.blob.name != name for output in job.outputs)

    async def _remove_expired(self) -> None:
        for job in await self._tools.jobs.expired(_BATCH):
            # Siblings share their inputs: those go by age.
            inputs = () if job.variants else job.request.inputs
            for blob in (*(output.blob for output in job.outputs), *inputs):
                await self._tools.vault.delete(blob.name)
            await self._tools.jobs.forget_blobs(job.id)
            log.info("result removed", job_id=job.id)

    async def _remove_expired_files(self) -> None:
        for file in await self._files.expired(_BATCH):
            await self._tools.vault.delete(file.blob.name)  # before the record: it is found again until then
            await self._files.remove(file.id)
            log.info("file removed", file_id=file.id)
