"""What can happen to a job; ``advance`` says what follows from each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.jobs import Attempt, JobError
from sora_gateway.domain.media import Output
from sora_gateway.domain.remote import RemoteOutput


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
