"""Decide how a job changes: ``advance`` is the only place that does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.job_events import (
    Adopted,
    BecameAmbiguous,
    Bound,
    Cancelled,
    Completed,
    Deleted,
    Failed,
    JobEvent,
    LookedFor,
    Noted,
    NotListed,
    Progressed,
    PutOff,
    Released,
    Returned,
    Started,
    Submitting,
    Succeeded,
)
from sora_gateway.domain.jobs import (
    _AT_BACKEND,
    CHARACTER_NOTE,
    Attempt,
    Job,
    JobError,
    Obligation,
    Phase,
    Reservation,
    Step,
)
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.requests import GenerationRequest


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
