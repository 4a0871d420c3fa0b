"""Apply events to stored jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sora_gateway.domain.advance import Limits, advance
from sora_gateway.domain.job_events import JobEvent
from sora_gateway.domain.jobs import Job
from sora_gateway.kit.clock import Now
from sora_gateway.ports.stores import JobStore, Lease


@dataclass(frozen=True, slots=True)
class Records:
    """Jobs in the store, changed only by ``advance``."""

    store: JobStore
    now: Now
    limits: Limits

    def decision(self, event: JobEvent) -> Callable[[Job], Job]:
        """Return the pure function that applies ``event`` now."""
        now_s = self.now()
        return lambda job: advance(job, event, now_s, self.limits)

    async def apply(self, job_id: str, event: JobEvent, *, lease: Lease | None = None) -> tuple[Job, Job]:
        """Apply ``event`` atomically and return the job before and after it.

        A job to which the event does not apply is returned unchanged, so applying twice is safe.

        Raises:
            GatewayError(not_found): no such job.
            LeaseLostError, TwinError, TakenError: see the port.
        """
        return await self.store.change(job_id, self.decision(event), lease=lease)
