"""The job and how it may change: ``advance`` is the only place that decides it.

Longer than other modules: the record, its events and their transitions are one thing and are read together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.media import MediaKind, Output
from sora_gateway.domain.remote import RemoteOutput
from sora_gateway.domain.requests import GenerationRequest


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
    ``failures`` why it came back from them.

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


# --- events -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A slot of the account was given to the job."""

    account_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A step around the create call is about to change something at the backend, or has done so.

    ``is_pinned``: what it does can be used on this account only, so the job stays there.
    """

    notes: Mapping[str, str]
    is_pinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitting:
    """The create call is about to leave."""

    attempt: Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """The attempt (or the preparation, ``ticket`` None) ended without a task: back to the queue.

    ``avoid`` adds the account to those not to be asked again; ``not_before`` delays the next try. ``kind`` is
    the failure that counts, None: what happened says nothing about the job.
    """

    ticket: str | None
    reason: str
    kind: ErrorKind | None = None
    avoid: bool = False
    not_before: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BecameAmbiguous:
    """The create call left and no complete answer came, nor can one come after ``counts_from``."""

    ticket: str
    reason: str
    counts_from: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedFor:
    """A complete read did not show the ambiguous submission."""

    ticket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The backend has the task ``remote_id`` for the attempt ``ticket``."""

    ticket: str
    remote_id: str
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """A task with our marker was met, of an attempt that the record does not know (any more).

    The store lost the attempt, or the task showed only after it had been declared absent.
    """

    account_id: str
    ticket: str
    marker: str
    remote_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progressed:
    """The backend reports ``progress`` (0.0 to 1.0)."""

    progress: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NotListed:
    """A complete read did not show the task that the job is bound to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """The backend finished; the files can be collected."""

    outputs: tuple[RemoteOutput, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutOff:
    """The files could not be copied this time; it is tried again at ``next_try_at``."""

    reason: str
    next_try_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The files are in the vault, and what else was asked for is there or has failed."""

    outputs: tuple[Output, ...]
    expires_at: float
    character_id: str | None = None
    character_error: JobError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The job cannot end well. ``is_over_at_backend``: no task of it can be alive there."""

    error: JobError
    is_over_at_backend: bool
    ticket: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The caller does not want it any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Nothing is owed at the backend any more."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """The caller deleted it: a tombstone. A job that is not final is cancelled first."""


JobEvent = (
    Bound
    | Noted
    | Submitting
    | Returned
    | BecameAmbiguous
    | LookedFor
    | Started
    | Adopted
    | Progressed
    | NotListed
    | Succeeded
    | PutOff
    | Completed
    | Failed
    | Cancelled
    | Released
    | Deleted
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a job may stay in a phase, seconds."""

    queue_s: float = 24 * 3600.0
    prepare_s: float = 600.0
    character_s: float = 1200.0
    settle_s: float = 900.0
    video_s: float = 3600.0
    image_s: float = 900.0
    collect_s: float = 3600.0

    def of(self, phase: Phase, request: GenerationRequest) -> float:
        """Return the time allowed in ``phase``."""
        match phase:
            case Phase.QUEUED:
                return self.queue_s
            case Phase.BOUND if request.character is not None:
                return self.character_s
            case Phase.BOUND | Phase.SUBMITTING:
                return self.prepare_s
            case Phase.AMBIGUOUS:
                return self.settle_s
            case Phase.RUNNING:
                return self.video_s if request.kind is MediaKind.VIDEO else self.image_s
            case _:
                return self.collect_s


_MAX_STEPS = 60
_FIRST_STEPS = 20
CHARACTER_NOTE = "character"
"""The note that holds the id of the character that was made for the job, once it can be used."""


def advance(job: Job, event: JobEvent, now_s: float, limits: Limits) -> Job:
    """Return the job after ``event``, or ``job`` itself where the event does not apply.

    A final state never changes and progress never falls. Facts about a submission (``Started``, ``Returned``,
    ``BecameAmbiguous``, ``Failed`` with a ticket) count only while their ticket is the current one.
    """
    after = _after_final(job, event, now_s) if job.is_final else _after_live(job, event, now_s)
    if after is job:
        return job
    seq = job.seq + ((after.status, after.percent) != (job.status, job.percent))
    if after.phase is not job.phase or event.__class__ is Bound:
        deadline = 0.0 if after.is_final else now_s + limits.of(after.phase, after.request)
        if after.phase is Phase.QUEUED:
            deadline = job.created_at + limits.queue_s
        after = replace(after, deadline_at=deadline)
    if after.is_final and not job.is_final:
        after = replace(after, reservation=_settled(after))
    return replace(after, version=job.version + 1, seq=seq, updated_at=now_s)


def _settled(job: Job) -> Reservation | None:
    """Return the reservation of a job that has just become final.

    What the backend finds out later changes nothing: in doubt a job costs nothing.
    """
    if job.reservation is None or job.reservation.is_settled:
        return job.reservation
    is_taken = job.phase is Phase.CANCELLED and job.bound_id is not None
    return replace(job.reservation, is_settled=True, is_kept=is_taken or job.phase is Phase.COMPLETED)


def _step(
    job: Job, now_s: float, name: str, detail: str | None = None, *, next_try_at: float | None = None
) -> tuple[Step, ...]:
    step = Step(at=now_s, name=name, account_id=job.account_id, detail=detail, next_try_at=next_try_at)
    steps = (*job.steps, step)
    # How it began and how it stands are what people ask for: the middle goes.
    return steps if len(steps) <= _MAX_STEPS else steps[:_FIRST_STEPS] + steps[_FIRST_STEPS + 1 :]


def _holds(job: Job, ticket: str) -> bool:
    return job.attempt is not None and job.attempt.ticket == ticket


def _owes(job: Job, ticket: str) -> bool:
    owed = job.obligation
    return owed is not None and owed.ticket == ticket and owed.remote_id is None


def _after_final(job: Job, event: JobEvent, now_s: float) -> Job:
    match event:
        case Started(ticket=ticket, remote_id=remote_id):
            if job.obligation is None or not _owes(job, ticket):
                return job
            return replace(job, bound_id=remote_id, obligation=replace(job.obligation, remote_id=remote_id))
        case LookedFor(ticket=ticket):
            return _looked_for(job, ticket, now_s) if job.obligation is not None else job
        case Released(reason=reason):
            if job.obligation is None:
                return job
            return replace(job, obligation=None, steps=_step(job, now_s, "released", reason))
        case Returned(ticket=str(ticket)) | Failed(ticket=str(ticket), is_over_at_backend=True):
            # The late answer of the attempt: no task was made.
            if not _owes(job, ticket):
                return job
            return replace(job, obligation=None, steps=_step(job, now_s, "released", "no task was made"))
        case Deleted() if job.deleted_at is None:
            return replace(job, deleted_at=now_s)
        case _:
            return job


def _after_live(job: Job, event: JobEvent, now_s: float) -> Job:
    match event:
        case Noted():
            return _noted(job, event)
        case Bound() | Submitting() | Returned() | Adopted():
            return _towards_backend(job, event, now_s)
        case BecameAmbiguous() | LookedFor() | Started():
            return _settling(job, event, now_s)
        case Progressed() | NotListed() | Succeeded() | PutOff():
            return _at_backend(job, event, now_s)
        case Completed() | Failed() | Cancelled() | Deleted():
            return _ending(job, event, now_s)
        case Released():
            return job


def _towards_backend(job: Job, event: Bound | Submitting | Returned | Adopted, now_s: float) -> Job:
    match event:
        case Adopted():
            return _adopted(job, event, now_s) if job.phase in (Phase.QUEUED, Phase.BOUND) else job
        case Bound(account_id=account_id):
            if job.phase is not Phase.QUEUED:
                return job
            bound = replace(job, phase=Phase.BOUND, account_id=account_id, tries=job.tries + 1)
            return replace(bound, steps=_step(bound, now_s, "bound"))
        case Submitting(attempt=attempt):
            if job.phase is not Phase.BOUND:
                return job
            steps = _step(job, now_s, "submitting")
            return replace(job, phase=Phase.SUBMITTING, attempt=attempt, steps=steps)
        case Returned(ticket=ticket):
            if ticket is None:
                is_open = job.phase is Phase.BOUND
            else:
                is_open = job.phase in (Phase.SUBMITTING, Phase.AMBIGUOUS) and _holds(job, ticket)
            return _returned(job, event, now_s) if is_open else job


def _noted(job: Job, event: Noted) -> Job:
    if job.phase not in (Phase.BOUND, Phase.COLLECTING):
        return job
    request, signature = job.request, job.signature
    if event.is_pinned and request.account_id is None and job.account_id is not None:
        request = replace(request, account_id=job.account_id)
        signature = pinned(signature, job.account_id)
    return replace(job, notes={**job.notes, **event.notes}, request=request, signature=signature)


def pinned(signature: str, account_id: str) -> str:
    """Return the queue of jobs that only ``account_id`` can run: it stands in place of the groups."""
    return f"{signature.rpartition('/')[0]}/@{account_id}"


def _adopted(job: Job, event: Adopted, now_s: float) -> Job:
    attempt = Attempt(
        ticket=event.ticket, fingerprint="", marker=event.marker, written_at=now_s, send_by=now_s
    )
    adopted = replace(
        job,
        phase=Phase.RUNNING,
        account_id=event.account_id,
        attempt=attempt,
        bound_id=event.remote_id,
        started_at=now_s,
    )
    return replace(adopted, steps=_step(adopted, now_s, "adopted", event.remote_id))


def _returned(job: Job, event: Returned, now_s: float) -> Job:
    avoid = job.avoid
    if event.avoid and job.account_id is not None and job.account_id not in avoid:
        avoid = (*avoid, job.account_id)
    next_try_at = event.not_before if event.not_before > now_s else None
    steps = _step(job, now_s, "returned", event.reason, next_try_at=next_try_at)
    return replace(
        job,
        phase=Phase.QUEUED,
        account_id=None,
        attempt=None,
        # What was written down about one account is of no use on another.
        notes=job.notes if job.request.account_id is not None else {},
        avoid=avoid,
        failures=_counted(job.failures, event.kind),
        not_before=event.not_before,
        steps=steps,
    )


def _counted(failures: Mapping[ErrorKind, int], kind: ErrorKind | None) -> Mapping[ErrorKind, int]:
    return failures if kind is None else {**failures, kind: failures.get(kind, 0) + 1}


def _settling(job: Job, event: BecameAmbiguous | LookedFor | Started, now_s: float) -> Job:
    match event:
        case BecameAmbiguous(ticket=ticket, reason=reason, counts_from=counts_from):
            if job.phase is not Phase.SUBMITTING or job.attempt is None or job.attempt.ticket != ticket:
                return job
            attempt = replace(job.attempt, counts_from=counts_from)
            return replace(
                job, phase=Phase.AMBIGUOUS, attempt=attempt, steps=_step(job, now_s, "ambiguous", reason)
            )
        case LookedFor(ticket=ticket):
            return _looked_for(job, ticket, now_s) if job.phase is Phase.AMBIGUOUS else job
        case Started(ticket=ticket, remote_id=remote_id, detail=detail):
            if job.phase not in (Phase.SUBMITTING, Phase.AMBIGUOUS) or not _holds(job, ticket):
                return job
            steps = _step(job, now_s, "started", detail or remote_id)
            return replace(job, phase=Phase.RUNNING, bound_id=remote_id, started_at=now_s, steps=steps)


def _looked_for(job: Job, ticket: str, now_s: float) -> Job:
    attempt = job.attempt
    if attempt is None or attempt.ticket != ticket:
        return job
    since = attempt.absent_since if attempt.absent_since is not None else now_s
    looked = replace(attempt, absent_reads=attempt.absent_reads + 1, absent_since=since)
    return replace(job, attempt=looked)


_MOST_WHILE_RUNNING = 0.99


def _at_backend(job: Job, event: Progressed | NotListed | Succeeded | PutOff, now_s: float) -> Job:
    if isinstance(event, PutOff):
        return _put_off(job, event, now_s)
    if job.phase is Phase.COLLECTING and isinstance(event, Succeeded):
        # A dead link was read anew.
        return job if event.outputs == job.remote_outputs else replace(job, remote_outputs=event.outputs)
    if job.phase is not Phase.RUNNING:
        return job
    match event:
        case Progressed(progress=progress):
            progress = min(progress, _MOST_WHILE_RUNNING)
            if not progress > job.progress:  # NaN, too, is no progress
                return job if job.unknown_reads == 0 else replace(job, unknown_reads=0, unknown_since=None)
            return replace(job, progress=progress, unknown_reads=0, unknown_since=None)
        case NotListed():
            since = job.unknown_since if job.unknown_since is not None else now_s
            return replace(job, unknown_reads=job.unknown_reads + 1, unknown_since=since)
        case Succeeded(outputs=outputs):
            steps = _step(job, now_s, "collecting")
            progress = max(job.progress, _MOST_WHILE_RUNNING)
            return replace(
                job,
                phase=Phase.COLLECTING,
                remote_outputs=outputs,
                progress=progress,
                unknown_reads=0,
                unknown_since=None,
                steps=steps,
            )


def _put_off(job: Job, event: PutOff, now_s: float) -> Job:
    if job.phase is not Phase.COLLECTING:
        return job
    return replace(job, steps=_step(job, now_s, "put off", event.reason, next_try_at=event.next_try_at))


def _ending(job: Job, event: Completed | Failed | Cancelled | Deleted, now_s: float) -> Job:
    match event:
        case Completed(outputs=outputs, expires_at=expires_at):
            is_due = job.phase is (Phase.BOUND if job.kind is MediaKind.CHARACTER else Phase.COLLECTING)
            if not is_due:
                return job
            return replace(
                job,
                phase=Phase.COMPLETED,
                outputs=outputs,
                remote_outputs=(),
                result_id=next((remote.result_id for remote in job.remote_outputs), None),
                character_id=event.character_id or job.notes.get(CHARACTER_NOTE),
                character_error=event.character_error,
                progress=1.0,
                completed_at=now_s,
                expires_at=expires_at,
                steps=_step(job, now_s, "completed"),
            )
        case Failed(error=error, is_over_at_backend=is_over, ticket=ticket):
            if ticket is not None and not _holds(job, ticket):
                return job
            owed = None if is_over else _obligation(job, now_s)
            steps = _step(job, now_s, "failed", f"{error.kind.value}: {error.message}")
            return replace(
                job,
                phase=Phase.FAILED,
                error=error,
                obligation=owed,
                completed_at=now_s,
                remote_outputs=(),
                steps=steps,
            )
        case Cancelled():
            return _cancelled(job, now_s)
        case Deleted():
            return replace(_cancelled(job, now_s), deleted_at=now_s)


def _cancelled(job: Job, now_s: float) -> Job:
    error = JobError(kind=ErrorKind.CANCELLED, message="The job was cancelled.", code="cancelled")
    return replace(
        job,
        phase=Phase.CANCELLED,
        error=error,
        obligation=_obligation(job, now_s),
        completed_at=now_s,
        remote_outputs=(),
        steps=_step(job, now_s, "cancelled"),
    )


def _obligation(job: Job, now_s: float) -> Obligation | None:
    if job.phase not in _AT_BACKEND or job.account_id is None or job.attempt is None:
        return None
    return Obligation(
        account_id=job.account_id, since=now_s, ticket=job.attempt.ticket, remote_id=job.bound_id
    )
