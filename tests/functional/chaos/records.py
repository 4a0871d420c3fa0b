"""What is written down during a run, as plain values: the auditor sees nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["video", "image"]

END_EVENTS = frozenset({"video.completed", "video.failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event as a watcher received it. ``percent`` is the progress that it shows."""

    seq: int
    name: str
    status: str
    percent: int
    at: float


@dataclass(slots=True, kw_only=True)
class Told:
    """What one caller asked for and what he was told. Times are Unix seconds.

    ``job_ids`` are all that were ever answered under his one key. ``end`` is the last state that he saw a job
    in for good: ``completed``, ``failed`` or ``refused``, with ``code`` for the last two. ``missed_at``: the
    gateway said that there is no such job.
    """

    number: int
    kind: Kind
    prompt: str
    licence_id: str
    units: int
    asked_at: float
    job_ids: list[str] = field(default_factory=list)
    told_at: float | None = None
    end: str | None = None
    code: str | None = None
    ended_at: float | None = None
    is_cancelled: bool = False
    is_deleted: bool = False
    missed_at: float | None = None
    events: list[Event] = field(default_factory=list)

    @property
    def job_id(self) -> str | None:
        """The job that he was told of last."""
        return self.job_ids[-1] if self.job_ids else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One row of the backend's own ledger. ``marked`` is the job that its title names; times are Unix."""

    task_id: str
    account: str
    kind: Kind
    prompt: str
    marked: str | None
    is_foreign: bool
    created_at: float
    ends_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One job as the gateway's store has it in the end.

    ``charged`` are the units that its reservation says; ``shown`` is what the API says of it, None if it was
    not asked. ``steps`` are the names of what happened to it; ``files`` how many results it has, and
    ``bad_files`` how many of them are not there as they were written.
    """

    job_id: str
    owner: str
    kind: Kind
    prompt: str
    phase: str
    seq: int
    bound_id: str | None
    units: int
    charged: int
    created_at: float
    completed_at: float | None
    code: str | None = None
    shown: str | None = None
    is_deleted: bool = False
    steps: tuple[str, ...] = ()
    files: int = 1
    bad_files: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the gateway says that a licence used, over all days of the run, and what is left of its quota."""

    licence_id: str
    jobs: int
    completed: int
    failed: int
    cancelled: int
    units: int
    quota: int | None = None
    remaining: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The store lost what it had confirmed between the two; by ``over_at`` the backend's lists were read."""

    lost_from: float
    lost_until: float
    over_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that is known after a run. ``leftovers`` are counters of the store that should be empty."""

    told: tuple[Told, ...]
    made: tuple[Made, ...]
    kept: tuple[Kept, ...]
    accounts: tuple[Account, ...]
    cuts: tuple[Cut, ...] = ()
    leftovers: Mapping[str, int] = field(default_factory=dict)
    is_lagging: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One promise that was not kept. ``excuse`` names what the promise leaves out; then it is none."""

    check: str
    subject: str
    detail: str
    excuse: str | None = None
