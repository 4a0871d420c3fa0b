"""The one facade of the engine: what surfaces may ask of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from sora_gateway.domain.jobs import Job
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.media import Blob, MediaKind, Output, Variant
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.ports.stores import Idempotency, Page


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """A job and its place in the queue (from 1; None when it does not wait). ``eta_s`` is an estimate."""

    job: Job
    queue_position: int | None = None
    eta_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One event of a watched job. ``view.job`` shows the job as it was at ``seq``.

    ``is_snapshot``: earlier events are unknown or were trimmed, this is the present state.
    """

    seq: int
    view: JobView
    is_snapshot: bool = False


class Generations:
    """Accepts, shows, watches and ends jobs. A caller sees only his own; another's is ``not_found``."""

    async def store_input(self, data: bytes, *, param: str) -> Blob:
        """Check a reference picture by its content and put it into the vault.

        Raises:
            GatewayError(invalid_request): no picture, damaged or too large; ``param`` is named.
        """
        raise NotImplementedError

    async def fetch_input(self, url: str, *, param: str) -> Blob:
        """The same for a URL, a data URL, or bare base64; our own links are read from the vault."""
        raise NotImplementedError

    async def submit(
        self,
        requests: Sequence[GenerationRequest],
        caller: Caller,
        *,
        idempotency: Idempotency | None = None,
    ) -> tuple[Job, ...]:
        """Accept one job per request, all or none, durably. Siblings know each other as ``variants``.

        Raises:
            GatewayError(no_account): no account of the kind is configured, or all are disabled.
            GatewayError(account_plan_required): none has the plan or group that the request needs.
            GatewayError(queue_full): try again later.
            GatewayError(conflict): the idempotency key was used with another request.
        """
        raise NotImplementedError

    async def get(self, job_id: str, caller: Caller) -> JobView:
        """Return the job.

        Raises:
            GatewayError(not_found): unknown, deleted or another's.
        """
        raise NotImplementedError

    async def page(
        self, caller: Caller, *, after: str | None, limit: int, ascending: bool, kind: MediaKind
    ) -> Page:
        """Return a piece of the caller's jobs by creation time.

        Raises:
            GatewayError(not_found): ``after`` is not one of them.
        """
        raise NotImplementedError

    def watch(self, job_id: str, caller: Caller, *, after_seq: int | None = None) -> AsyncIterator[Watched]:
        """Yield the job's events until it is final, the final one included.

        Without ``after_seq`` the first is the present state; with it the events after that one, without gap
        or repeat. Ending the iteration ends the watching only.
        """
        raise NotImplementedError

    async def wait_final(self, job_id: str, caller: Caller, *, timeout_s: float) -> Job:
        """Return the job when it is final, or as it is after ``timeout_s``."""
        raise NotImplementedError

    async def cancel(self, job_id: str, caller: Caller) -> JobView:
        """Cancel; a final job is returned unchanged."""
        raise NotImplementedError

    async def delete(self, job_id: str, caller: Caller) -> None:
        """Delete the job and its results; it is cancelled first if it still runs."""
        raise NotImplementedError

    async def output(self, job_id: str, variant: Variant, index: int, caller: Caller | None) -> Output:
        """Return where a result lies. ``caller`` None: a signed link already proved the right.

        Raises:
            GatewayError(not_found): unknown job or no such variant or index.
            GatewayError(not_ready): not finished (code ``video_not_ready``).
            GatewayError(expired): the results were kept long enough (code ``expired``).
            GatewayError(generation_failed): the job failed; code and message are the job's error.
        """
        raise NotImplementedError
