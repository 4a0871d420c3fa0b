"""The socket for a backend that generates media."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from sora_gateway.domain.accounts import Account, AccountFacts, Credential
from sora_gateway.domain.characters import MadeCharacter
from sora_gateway.domain.media import Blob, MediaKind
from sora_gateway.domain.remote import Finding, Observed, RemoteJob, RemoteOutput, Sent, Submission, Ticket
from sora_gateway.domain.requests import Clip, GenerationRequest
from sora_gateway.kit.redact import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPolling:
    """One list call answers for all jobs of an account. Intervals in seconds."""

    fast_s: float
    slow_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterAbsence:
    """A lost submission may be repeated after so many complete reads, over so long, did not show it.

    ``answer_s`` is how long an answer to a create call may take; where the sender vanished, absence is
    counted from the end of that time.
    """

    reads: int
    over_s: float
    answer_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverResend:
    """The backend can never tell that a submission did not arrive."""


Resend = AfterAbsence | NeverResend


class RemoteBody(Protocol):
    """A file on its way from the backend."""

    media_type: str | None
    size_bytes: int | None

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes once, in pieces of at most 1 MiB."""
        ...


class StepLostError(Exception):
    """The job is not at this step any more (ended, returned, another's work): stop, nothing was written."""


class Notebook(Protocol):
    """What the steps around a job's create call wrote down on its account.

    A step that changes the backend and cannot simply be repeated writes down what it is about to do, does
    it, and writes down what came of it. Whoever takes the job over reads ``known`` and goes on from there.
    """

    @property
    def known(self) -> Mapping[str, str]:
        """Everything written so far, by whomever."""
        ...

    async def write(self, notes: Mapping[str, str], *, is_pinned: bool = False) -> None:
        """Add ``notes``, durably before this returns. ``is_pinned``: the job stays on this account then.

        Raises:
            StepLostError: see there.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """A file of the vault that is read once, while it is sent."""

    pieces: AsyncIterator[bytes]
    size_bytes: int


class InputReader(Protocol):
    """Reads reference pictures and clips from the vault."""

    def file(self, blob: Blob) -> InputFile:
        """Return the file, of which little is in memory at a time."""
        ...


class Upstream(Protocol):
    """A backend. Every method runs under the caller's deadline and raises only ``GatewayError``.

    Kinds that callers decide by: ``account_auth`` (credential expired or revoked), ``account_exhausted``,
    ``account_rate_limited``, ``account_busy``, ``upstream_overloaded``, ``upstream_blocked``,
    ``upstream_unreachable``, ``upstream_refused``, ``content_refused``.
    """

    name: str
    polling: ListPolling
    resend: Resend

    def lacks(self, request: GenerationRequest) -> str | None:
        """Say what of ``request`` the backend cannot do, in words for the caller; None: it can do all."""
        ...

    def fingerprint(self, request: GenerationRequest) -> str:
        """Return a digest of everything that ``submit`` asks, but for marker and upload ids.

        Two requests with one fingerprint make tasks that the backend's lists do not tell apart.
        """
        ...

    def describe(self, request: GenerationRequest) -> Mapping[str, object]:
        """Return what ``submit`` would send, for people: ``{"method", "path", "body"}``, without uploads."""
        ...

    async def prepare(
        self, request: GenerationRequest, account: Account, inputs: InputReader, notebook: Notebook
    ) -> Mapping[str, str]:
        """Do the steps before the create call; return what it needs of them.

        Uploads are repeated each time. What a remix needs (a shared post of its source) is looked for first
        and made at most once, by way of ``notebook``.

        Raises:
            GatewayError: as above; ``unsupported`` where the source cannot be used.
            StepLostError: see there.
        """
        ...

    async def make_character(
        self, clip: Clip, name: str | None, account: Account, inputs: InputReader, notebook: Notebook
    ) -> MadeCharacter:
        """Make a character of ``clip``, which has a blob or a source; it takes seconds to minutes.

        Interrupted and called again with the same notebook it goes on where it was and makes one character.
        Nothing of it costs quota.

        Raises:
            GatewayError(content_refused): the clip is not allowed, for example it shows a real person.
            GatewayError(generation_failed): the backend could not make one of it.
            StepLostError: see there.
        """
        ...

    async def abandon_character(self, clip: Clip, account: Account, notebook: Notebook) -> None:
        """Delete what ``make_character`` may have left for a job that ended meanwhile."""
        ...

    async def delete_character(self, backend_id: str, account: Account) -> None:
        """Delete the character at the backend; not an error if it is gone."""
        ...

    async def enhance(self, prompt: str, level: str, duration_s: int, account: Account) -> str:
        """Return a richer wording of ``prompt`` for a video; ``level`` is short, medium or long.

        Raises:
            GatewayError(content_refused): the backend does not work with this prompt.
        """
        ...

    async def submit(
        self,
        request: GenerationRequest,
        prepared: Mapping[str, str],
        account: Account,
        ticket: Ticket,
    ) -> Submission:
        """Send the create call at most once: no retries, no redirects. Never raises but on cancellation.

        After connect and TLS, right before the first byte of the request leaves, ``ticket.send_before`` is
        compared with CLOCK_BOOTTIME; too late is ``NotSent``. Cancellation after the first byte is re-raised;
        the caller then holds the submission for ambiguous.
        """
        ...

    async def find(self, sent: Sequence[Sent], account: Account) -> Mapping[str, Finding]:
        """Look for submissions without an answer, in all lists, back to before the send. Keyed by ticket id.

        Raises:
            GatewayError: a list could not be read completely; nothing is known then.
        """
        ...

    async def observe(
        self, jobs: Sequence[RemoteJob], account: Account, kinds: frozenset[MediaKind]
    ) -> Observed:
        """Read the account's lists once for all ``jobs``, and those of ``kinds`` even without jobs."""
        ...

    def fetch(self, output: RemoteOutput, account: Account) -> AbstractAsyncContextManager[RemoteBody]:
        """Open a finished file.

        Raises:
            GatewayError(expired): the link is dead; ``observe`` gives a fresh one.
            GatewayError(upstream_unreachable): the file host did not answer.
        """
        ...

    async def cancel(self, job: RemoteJob, account: Account) -> bool:
        """Stop the task if the backend can; tell whether it was stopped."""
        ...

    async def check(self, credential: Credential, proxy: Secret | None = None) -> AccountFacts:
        """Ask the backend whose credential this is, which plan it has and what is left of its quota."""
        ...

    async def renew(self, credential: Credential, proxy: Secret | None) -> Credential:
        """Return the credential that follows ``credential``: a new access token, ``version`` one higher.

        A refresh token or cookie that rotated is in it, and the old one is dead: whoever calls this stores
        the answer before anything uses it, and sees to it that nobody else does the same at the same time.

        Raises:
            GatewayError(account_auth): it can never be renewed again; the message says why.
            GatewayError(upstream_unreachable, upstream_overloaded, ...): no answer that can be used. What
                was sent may have arrived, and the refresh token may be dead.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...
