"""What the engine and a backend tell each other about tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sora_gateway.domain.accounts import Balance
from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.requests import GenerationRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteJob:
    """A task of the backend that is bound to a job of ours.

    ``started_at`` is Unix seconds. ``is_watermark_wanted`` picks among the renditions of the result.
    """

    id: str
    job_id: str
    kind: MediaKind
    started_at: float
    is_watermark_wanted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteOutput:
    """A finished file at the backend. ``url`` may die; a fresh one comes with the next ``observe``.

    ``watermark`` is None where the backend does not say. ``result_id`` is how the backend calls the file in
    requests that start from it.
    """

    index: int
    url: str
    width_px: int | None = None
    height_px: int | None = None
    duration_s: float | None = None
    watermark: bool | None = None
    result_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteQueued:
    """The backend has the task and has not begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRunning:
    """The backend works; ``progress`` is 0.0 to 1.0, or None where it does not say."""

    progress: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSucceeded:
    """The files can be fetched. Never empty."""

    outputs: tuple[RemoteOutput, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFailed:
    """The backend ended the task without a result."""

    error: GatewayError


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteUnknown:
    """The backend's lists were read completely and the task is in none of them."""


RemoteStatus = RemoteQueued | RemoteRunning | RemoteSucceeded | RemoteFailed | RemoteUnknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A task in the backend's list, ours or foreign. ``marker`` is what it echoes of ours, if anything.

    ``is_unfinished`` tasks hold a slot of the account.
    """

    kind: MediaKind
    is_unfinished: bool
    marker: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One look at an account.

    ``statuses`` is keyed by remote id; a job that is missing there was not read this time. ``listed`` holds
    every task that the look came across. ``read`` names the kinds whose unfinished tasks were all read.
    """

    statuses: Mapping[str, RemoteStatus]
    listed: Mapping[str, Listed] = field(default_factory=dict)
    read: frozenset[MediaKind] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """The right to send one attempt of one job once.

    ``marker`` is a text to hide in a field that the backend may echo. ``is_timely`` turns False when
    the write-ahead record is too old to send under; it must be asked at the last moment before the
    request's first byte.
    """

    id: str
    job_id: str
    marker: str
    send_before: float
    """CLOCK_BOOTTIME of this process, seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The backend has the task. ``balance`` is its quota afterwards, if it said so."""

    remote_id: str
    balance: Balance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """Not one byte of the request left: it may be sent again, here or elsewhere."""

    error: GatewayError


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The backend answered completely and said no: no task exists.

    ``until`` is when the account may be asked again, where the backend said so.
    """

    error: GatewayError
    until: float | None = None
    balance: Balance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ambiguous:
    """Sent, and no complete answer came: a task may exist."""

    error: GatewayError


Submission = Accepted | NotSent | Refused | Ambiguous


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A submission to look for. ``known`` are remote ids that cannot be it (seen before, or bound).

    ``is_marker_echoed``: learned from ordinary submissions of this account; None: not learned yet.
    """

    job_id: str
    ticket_id: str
    marker: str
    request: GenerationRequest
    prepared: Mapping[str, str]
    sent_at: float
    known: frozenset[str]
    is_marker_echoed: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """This task is the one that was sent."""

    remote_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSeen:
    """All lists were read completely, back to before the send, and no task can be it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """Some task may be it and nothing proves it."""

    reason: str


Finding = Found | NotSeen | Unclear
