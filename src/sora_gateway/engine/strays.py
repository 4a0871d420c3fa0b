"""Bind tasks with our marker whose attempt the store does not know."""

from __future__ import annotations

from collections.abc import Mapping

from sora_gateway.domain.job_events import Adopted
from sora_gateway.domain.jobs import Job, Phase
from sora_gateway.domain.remote import Listed
from sora_gateway.engine.markers import Marker, parse_marker
from sora_gateway.engine.tools import NodeTools
from sora_gateway.ports.stores import TakenError
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)


class Strays:
    """One account's marked tasks. Each is looked up once.

    A store that lost its last writes shows a job as waiting although it was sent. Its task carries the job's
    name, and binding it is what keeps the job from being sent twice.
    """

    def __init__(self, account_id: str, tools: NodeTools) -> None:
        self._account_id = account_id
        self._tools = tools
        self._known: set[str] = set()

    async def adopt(self, listed: Mapping[str, Listed]) -> list[Job]:
        """Bind what can be bound; return the jobs that changed."""
        adopted = []
        for remote_id, item in listed.items():
            marker = parse_marker(item.marker)
            if item.marker is None or marker is None or remote_id in self._known:
                continue
            job = await self._tools.jobs.get(marker.job_id)
            if job is not None and job.is_unsettled and _is_of(job, marker):
                continue  # its lane settles it
            self._known.add(remote_id)
            if job is None or job.bound_id == remote_id:
                continue
            bound = await self._bind(job, marker, item.marker, remote_id)
            if bound is not None:
                adopted.append(bound)
        self._known &= listed.keys()
        return adopted

    async def _bind(self, job: Job, marker: Marker, text: str, remote_id: str) -> Job | None:
        event = Adopted(account_id=self._account_id, ticket=marker.ticket, marker=text, remote_id=remote_id)
        after = job
        if job.phase in (Phase.QUEUED, Phase.BOUND):
            try:
                _, after = await self._tools.records.apply(job.id, event)
            except TakenError:
                after = job
        if after.bound_id == remote_id:
            log.warning("task of a forgotten attempt adopted", job_id=job.id, remote_id=remote_id)
            return after
        log.error("task of a forgotten attempt found", job_id=job.id, remote_id=remote_id)
        await self._tools.lanes.orphan(self._account_id, remote_id, job.id, marker.ticket)
        return None


def _is_of(job: Job, marker: Marker) -> bool:
    return job.attempt is not None and job.attempt.ticket == marker.ticket
