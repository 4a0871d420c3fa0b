"""Show jobs to those who watch, without gap and repeat, each at his own pace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job, Phase, Status
from sora_gateway.engine.hub import Hub
from sora_gateway.kit.backoff import backoff_s
from sora_gateway.ports.stores import FeedEntry, JobStore, PublicEvent

_MOST_PENDING = 128
_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The job as it was at event ``seq``. ``is_snapshot``: what came before is not known."""

    seq: int
    job: Job
    is_snapshot: bool = False


@dataclass(slots=True, eq=False)
class _Watcher:
    """What one watcher has not taken yet. Progress is dropped when he is slow; ``_fill`` gets it back."""

    pending: list[Job] = field(default_factory=list)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    missed: bool = False


_PHASES = {
    Status.QUEUED: Phase.QUEUED,
    Status.IN_PROGRESS: Phase.RUNNING,
    Status.COMPLETED: Phase.COMPLETED,
    Status.FAILED: Phase.FAILED,
    Status.CANCELLED: Phase.CANCELLED,
}


def at_event(job: Job, event: PublicEvent) -> Job:
    """Return ``job`` as it was at ``event``, as far as a caller can see."""
    if event.seq == job.seq:
        return job
    phase = _PHASES[event.status]
    progress = event.percent / 100
    return replace(
        job,
        phase=phase,
        seq=event.seq,
        progress=progress,
        error=None,
        completed_at=None,
        expires_at=None,
        outputs=(),
    )


class Watchers:
    """Local copies of the jobs that are being watched on this node, kept true by the feed."""

    def __init__(self, store: JobStore, hub: Hub) -> None:
        self._store = store
        self._watchers: dict[str, set[_Watcher]] = {}
        hub.listen(self._heard, self._missed)

    def __len__(self) -> int:
        return sum(len(group) for group in self._watchers.values())

    def _heard(self, entry: FeedEntry) -> None:
        if not entry.has_public_change:
            return
        for watcher in self._watchers.get(entry.job.id, ()):
            if len(watcher.pending) == _MOST_PENDING:
                del watcher.pending[0]
            watcher.pending.append(entry.job)
            watcher.woken.set()

    def _missed(self) -> None:
        for group in self._watchers.values():
            for watcher in group:
                watcher.missed = True
                watcher.woken.set()

    async def watch(self, job_id: str, *, after_seq: int | None = None) -> AsyncGenerator[Sight]:
        """Yield what happens to the job until it is final.

        The first sight is the present state, or, with ``after_seq``, the event after that one. An
        ``after_seq`` that is unknown (in the future, or trimmed) gives one snapshot.
        """
        watcher = _Watcher()
        self._watchers.setdefault(job_id, set()).add(watcher)
        try:
            async for sight in self._sights(job_id, watcher, after_seq):
                yield sight
        finally:
            group = self._watchers[job_id]
            group.discard(watcher)
            if not group:
                del self._watchers[job_id]

    async def _sights(self, job_id: str, watcher: _Watcher, after_seq: int | None) -> AsyncGenerator[Sight]:
        job = await self._store.get(job_id)
        if job is None:
            return
        for sight in await self._first(job, after_seq):
            yield sight
        seq = job.seq
        while not job.is_final:
            await watcher.woken.wait()
            sights = await self._next(job_id, watcher, seq)
            if sights is None:
                return
            for sight in sights:
                yield sight
                seq, job = sight.seq, sight.job

    async def _first(self, job: Job, after_seq: int | None) -> list[Sight]:
        if after_seq is None:
            return [Sight(seq=job.seq, job=job)]
        if after_seq == job.seq:
            return []
        if not 0 <= after_seq < job.seq:
            return [Sight(seq=job.seq, job=job, is_snapshot=True)]
        return await self._fill(job, after_seq)

    async def _next(self, job_id: str, watcher: _Watcher, seq: int) -> list[Sight] | None:
        """Return what follows ``seq``, None if there is no such job any more."""
        watcher.woken.clear()
        heard = [job for job in watcher.pending if job.seq > seq]
        watcher.pending.clear()
        expected = range(seq + 1, seq + 1 + len(heard))
        if not watcher.missed and all(job.seq == number for job, number in zip(heard, expected, strict=True)):
            return [Sight(seq=job.seq, job=job) for job in heard]
        watcher.missed = False
        try:
            return await self._caught_up(job_id, seq)
        except GatewayError as error:
            if error.kind is not ErrorKind.STORE_UNAVAILABLE:
                raise
            # It comes back, and who watches need not notice.
            watcher.missed = True
            watcher.woken.set()
            await asyncio.sleep(backoff_s(1, base_s=_AGAIN_S, cap_s=_AGAIN_S))
            return []

    async def _caught_up(self, job_id: str, seq: int) -> list[Sight] | None:
        job = await self._store.get(job_id)
        if job is None:
            return None
        if job.seq < seq:  # the store lost writes that were shown: the numbers begin again there
            return [Sight(seq=job.seq, job=job, is_snapshot=True)]
        return await self._fill(job, seq) if job.seq > seq else []

    async def _fill(self, job: Job, seq: int) -> list[Sight]:
        events = [event for event in await self._store.events_after(job.id, seq) if event.seq <= job.seq]
        if [event.seq for event in events] != list(range(seq + 1, job.seq + 1)):
            return [Sight(seq=job.seq, job=job, is_snapshot=True)]
        return [Sight(seq=event.seq, job=at_event(job, event)) for event in events]
