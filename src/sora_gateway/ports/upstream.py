"""The socket for a backend that generates media."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from sora_gateway.domain.accounts import Account, AccountFacts, Credential
from sora_gateway.domain.media import Blob, MediaKind
from sora_gateway.domain.remote import Finding, Observed, RemoteJob, RemoteOutput, Sent, Submission, Ticket
from sora_gateway.domain.requests import GenerationRequest


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


class InputReader(Protocol):
    """Reads reference pictures from the vault."""

    async def read(self, blob: Blob) -> bytes:
        """Return the whole file."""
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

    async def prepare(
        self, request: GenerationRequest, account: Account, inputs: InputReader
    ) -> Mapping[str, str]:
        """Do the repeatable steps before the create call (uploads); return what it needs of them."""
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

    async def check(self, credential: Credential) -> AccountFacts:
        """Ask the backend whose credential this is, which plan it has and what is left of its quota."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...
