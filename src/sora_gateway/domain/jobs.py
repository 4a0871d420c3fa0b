"""The job: what is kept of accepted work, in the engine's words and in the caller's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.media import MediaKind, Output
from sora_gateway.domain.priorities import Priority
from sora_gateway.domain.remote import RemoteOutput
from sora_gateway.domain.requests import GenerationRequest

CHARACTER_NOTE = "character"
"""The note that holds the id of the character that was made for the job, once it can be used."""


class Phase(StrEnum):
    """Where a job is, in the engine's words."""

    QUEUED = "queued"  # waits for an account
    BOUND = "bound"  # has a slot of an account; inputs may be on their way
    SUBMITTING = "submitting"  # written ahead: the create call may leave any moment
    AMBIGUOUS = "ambiguous"  # sent, no answer: being looked for
    RUNNING = "running"  # the backend has it
    COLLECTING = "collecting"  # finished there, being copied here
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL = frozenset({Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED})
_AT_BACKEND = frozenset({Phase.SUBMITTING, Phase.AMBIGUOUS, Phase.RUNNING})


class Status(StrEnum):
    """Where a job is, in the caller's words."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


STATUS: Mapping[Phase, Status] = {
    Phase.QUEUED: Status.QUEUED,
    Phase.BOUND: Status.QUEUED,
    Phase.SUBMITTING: Status.QUEUED,
    Phase.AMBIGUOUS: Status.QUEUED,
    Phase.RUNNING: Status.IN_PROGRESS,
    Phase.COLLECTING: Status.IN_PROGRESS,
    Phase.COMPLETED: Status.COMPLETED,
    Phase.FAILED: Status.FAILED,
    Phase.CANCELLED: Status.CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """Why a job failed, fit for the caller's eyes."""

    kind: ErrorKind
    message: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One written-ahead submission.

    ``ticket`` names it, ``fingerprint`` stands for everything the backend is asked, ``marker`` is hidden in
    the request, ``send_by`` (store time) is when it must have left, ``prepared`` what earlier steps gave
    (ids of uploads). ``absent_reads`` and ``absent_since`` count complete reads that did not show it, made
    after ``counts_from``, when no answer could come any more.
    """

    ticket: str
    fingerprint: str
    marker: str
    written_at: float
    send_by: float
    prepared: Mapping[str, str] = field(default_factory=dict)
    counts_from: float | None = None
    absent_reads: int = 0
    absent_since: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Quota taken at acceptance, with the buckets it must be settled into.

    ``day`` and ``month`` are those of the acceptance in UTC, ``2026-11-22`` and ``2026-11``. It is settled
    when the job becomes final: kept (``is_kept``), or given back.
    """

    units: int
    day: str
    month: str
    is_settled: bool = False
    is_kept: bool = False

    @property
    def charged(self) -> int:
        """The units that stand in the buckets for it."""
        return self.units if self.is_kept or not self.is_settled else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """What is still owed at the backend after the caller's state became final: a task to see out."""

    account_id: str
    since: float
    ticket: str
    remote_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry of the job's own history: what happened, when, where, why, and when it is tried again."""

    at: float
    name: str
    account_id: str | None = None
    detail: str | None = None
    next_try_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A unit of accepted work.

    ``version`` rises with every write and guards it; ``seq`` rises with every change that a watcher can see
    and is the id of that event. ``progress`` is 0.0 to 1.0 and never falls. ``bound_id`` is the backend's
    task; it is set at most once. Times are Unix seconds. ``tries`` counts the accounts that were given to it,
    ``failures`` why it came back from them. ``priority`` is set at acceptance and stays.

    ``notes`` is what steps around the create call wrote down on its account, before and after each call that
    changes something there (see ``Noted``). ``result_id`` is the backend's name of the finished video.
    ``character_id`` is the character that the request made, first or in the end; ``character_error`` why the
    one in the end could not be made.
    """

    id: str
    owner: str
    request: GenerationRequest
    signature: str
    created_at: float
    updated_at: float
    phase: Phase = Phase.QUEUED
    version: int = 1
    seq: int = 1
    progress: float = 0.0
    tries: int = 0
    failures: Mapping[ErrorKind, int] = field(default_factory=dict)
    account_id: str | None = None
    avoid: tuple[str, ...] = ()
    not_before: float = 0.0
    attempt: Attempt | None = None
    bound_id: str | None = None
    started_at: float | None = None
    remote_outputs: tuple[RemoteOutput, ...] = ()
    unknown_reads: int = 0
    unknown_since: float | None = None
    obligation: Obligation | None = None
    reservation: Reservation | None = None
    priority: Priority = Priority.NORMAL
    outputs: tuple[Output, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    result_id: str | None = None
    character_id: str | None = None
    character_error: JobError | None = None
    error: JobError | None = None
    completed_at: float | None = None
    expires_at: float | None = None
    deadline_at: float = 0.0
    deleted_at: float | None = None
    variants: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def status(self) -> Status:
        """The public state."""
        return STATUS[self.phase]

    @property
    def percent(self) -> int:
        """The public progress, 0 to 100."""
        return int(self.progress * 100 + 1e-9)

    @property
    def is_final(self) -> bool:
        """Tell whether the caller's state can still change."""
        return self.phase in FINAL

    @property
    def is_unsettled(self) -> bool:
        """Tell whether a submission of it may have reached the backend without an answer."""
        if self.obligation is not None:
            return self.obligation.remote_id is None
        return self.phase in (Phase.SUBMITTING, Phase.AMBIGUOUS)

    @property
    def lane(self) -> str | None:
        """The account whose lane must look after it, or None."""
        if self.obligation is not None:
            return self.obligation.account_id
        if self.phase in _AT_BACKEND or self.phase is Phase.BOUND:
            return self.account_id
        return None

    @property
    def kind(self) -> MediaKind:
        """What it makes."""
        return self.request.kind
