"""Estimate when a job will be done, from how long the last ones took."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sora_gateway.domain.jobs import Job, Phase
from sora_gateway.domain.media import MediaKind
from sora_gateway.engine.hub import Hub
from sora_gateway.ports.stores import FeedEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Typical:
    """How long a job is made at the backend, where it holds a slot, and then copied here without one."""

    making_s: float
    copying_s: float


_FIRST_GUESS = {
    MediaKind.VIDEO: Typical(making_s=160.0, copying_s=5.0),
    MediaKind.IMAGE: Typical(making_s=38.0, copying_s=2.0),
    MediaKind.CHARACTER: Typical(making_s=60.0, copying_s=0.0),
}
_WEIGHT = 0.2


class Estimates:
    """A moving average of times by kind, learned from the feed by each node."""

    def __init__(self, hub: Hub) -> None:
        self._typical = dict(_FIRST_GUESS)
        self._learned: set[MediaKind] = set()
        hub.listen(self._heard, lambda: None)

    def _heard(self, entry: FeedEntry) -> None:
        took = taken(entry.job)
        if took is None:
            return
        kind = entry.job.kind
        weight = _WEIGHT if kind in self._learned else 1.0
        self._learned.add(kind)
        before = self._typical[kind]
        self._typical[kind] = Typical(
            making_s=before.making_s + weight * (took.making_s - before.making_s),
            copying_s=before.copying_s + weight * (took.copying_s - before.copying_s),
        )

    def eta_s(self, job: Job, position: int | None, slots: int) -> int | None:
        """Return the seconds until ``job`` is probably done; 0 when it is final, None when nobody can say.

        A waiting job has ``position`` turns of making before its own, ``slots`` at a time.
        """
        if job.is_final:
            return 0
        typical = self._typical[job.kind]
        if job.phase is Phase.COLLECTING:
            rounds = 0.0
        elif job.phase is Phase.RUNNING:
            rounds = 1 - job.progress
        elif position is None:
            rounds = 1.0
        elif slots == 0:
            return None
        else:
            rounds = 1 + position / slots
        return max(1, math.ceil(typical.making_s * rounds + typical.copying_s))


def taken(job: Job) -> Typical | None:
    """Return how long a completed job took, None for any other."""
    if job.phase is not Phase.COMPLETED or job.started_at is None or job.completed_at is None:
        return None
    collected_at = [step.at for step in job.steps if step.name == "collecting"]
    made_at = collected_at[0] if collected_at else job.completed_at
    return Typical(
        making_s=max(0.0, made_at - job.started_at), copying_s=max(0.0, job.completed_at - made_at)
    )
