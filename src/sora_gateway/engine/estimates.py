"""Estimate when a job will be done, from how long the last ones took."""

from __future__ import annotations

import math

from sora_gateway.domain.jobs import Job, Phase, Status
from sora_gateway.domain.media import MediaKind
from sora_gateway.engine.hub import Hub
from sora_gateway.ports.stores import FeedEntry

_FIRST_GUESS_S = {MediaKind.VIDEO: 165.0, MediaKind.IMAGE: 40.0, MediaKind.CHARACTER: 60.0}
_WEIGHT = 0.2


class Estimates:
    """A moving average of generation times by kind, learned from the feed by each node."""

    def __init__(self, hub: Hub) -> None:
        self._typical_s = dict(_FIRST_GUESS_S)
        self._learned: set[MediaKind] = set()
        hub.listen(self._heard, lambda: None)

    def _heard(self, entry: FeedEntry) -> None:
        job = entry.job
        if job.phase is not Phase.COMPLETED or job.started_at is None or job.completed_at is None:
            return
        took_s = job.completed_at - job.started_at
        weight = _WEIGHT if job.kind in self._learned else 1.0
        self._learned.add(job.kind)
        self._typical_s[job.kind] += weight * (took_s - self._typical_s[job.kind])

    def eta_s(self, job: Job, position: int | None, slots: int) -> int | None:
        """Return the seconds until ``job`` is probably done; 0 when it is final, None when nobody can say."""
        if job.is_final:
            return 0
        typical_s = self._typical_s[job.kind]
        if job.status is Status.IN_PROGRESS:
            return math.ceil(typical_s * (1 - job.progress))
        if position is None:
            return math.ceil(typical_s)
        if slots == 0:
            return None
        return math.ceil(typical_s * (1 + position / slots))
