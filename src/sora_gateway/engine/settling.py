"""Settle submissions that got no answer: adopt the task that was made, or prove that none was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from sora_gateway.accounts.health import videos_spent
from sora_gateway.domain.accounts import Account
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import BecameAmbiguous, Failed, LookedFor, Released, Returned, Started
from sora_gateway.domain.jobs import Attempt, Job, JobError, Phase
from sora_gateway.domain.remote import Finding, Found, Listed, NotSeen, Sent, Unclear
from sora_gateway.engine.making import asked_of
from sora_gateway.engine.tools import Apply, NodeTools
from sora_gateway.kit.clock import boottime
from sora_gateway.ports.stores import TakenError
from sora_gateway.ports.upstream import AfterAbsence, Upstream
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

_GIVE_UP_S = 24 * 3600.0


class Settler:
    """One lane's unsettled submissions.

    What proves that a task is ours is a fact and needs no lease; declaring one absent is a decision and does.
    """

    def __init__(self, account_id: str, tools: NodeTools, apply: Apply) -> None:
        self._account_id = account_id
        self._tools = tools
        self._apply = apply
        self._taken: set[str] = set()
        self._next_find: dict[str, float] = {}

    async def settle(
        self,
        jobs: Sequence[Job],
        listed: Mapping[str, Listed],
        is_marker_echoed: bool | None,
        upstream: Upstream,
        account: Account,
        is_sending: Callable[[str], bool],
    ) -> None:
        """Take one step with each unsettled job that nobody on this node is sending right now."""
        open_jobs = [job for job in jobs if job.is_unsettled and not is_sending(job.id)]
        self._next_find = {
            job.attempt.ticket: self._next_find.get(job.attempt.ticket, 0.0)
            for job in open_jobs
            if job.attempt is not None
        }
        if not open_jobs:
            return
        left = await self._adopt_marked(open_jobs, listed)
        left = [job for job in left if await self._is_lookable(job, upstream)]
        if left:
            owners = await self._tools.lanes.owner_of(list(listed))
            await self._find(left, owners, is_marker_echoed, upstream, account)

    async def _adopt_marked(self, jobs: Sequence[Job], listed: Mapping[str, Listed]) -> list[Job]:
        marked = {item.marker: remote_id for remote_id, item in listed.items() if item.marker is not None}
        left = []
        for job in jobs:
            remote_id = marked.get(job.attempt.marker) if job.attempt is not None else None
            if remote_id is None or not await self._adopt(job, remote_id, "found by its marker"):
                left.append(job)
        return left

    async def _adopt(self, job: Job, remote_id: str, detail: str) -> bool:
        if job.attempt is None:
            return False
        event = Started(ticket=job.attempt.ticket, remote_id=remote_id, detail=f"{remote_id} ({detail})")
        try:
            await self._apply(job, event)
        except TakenError:
            self._taken.add(remote_id)
            return False
        log.info(
            "submission settled", job_id=job.id, account_id=self._account_id, remote_id=remote_id, how=detail
        )
        await self._tools.pool.report_use(self._account_id, None, videos_spent(job.request))
        return True

    async def _is_lookable(self, job: Job, upstream: Upstream) -> bool:
        """Tell whether to search for the job in this tick; a vanished sender's job becomes ambiguous."""
        attempt = job.attempt
        if attempt is None:
            return False
        if job.phase is Phase.SUBMITTING:
            if self._tools.now() < attempt.send_by:
                return False
            counts_from = attempt.send_by + _answer_s(upstream)
            reason = "whoever sent it is gone"
            event = BecameAmbiguous(ticket=attempt.ticket, reason=reason, counts_from=counts_from)
            await self._apply(job, event, as_owner=True)
        return boottime() >= self._next_find.get(attempt.ticket, 0.0)

    async def _find(
        self,
        jobs: Sequence[Job],
        owners: Mapping[str, str],
        is_marker_echoed: bool | None,
        upstream: Upstream,
        account: Account,
    ) -> None:
        attempts = {job.attempt.ticket: (job, job.attempt) for job in jobs if job.attempt is not None}
        sent = []
        for job, attempt in attempts.values():
            known = await self._tools.lanes.known(self._account_id, attempt.written_at)
            others = {remote_id for remote_id, owner in owners.items() if owner != job.id}
            sent.append(_sent(job, attempt, known | self._taken | others, is_marker_echoed))
        try:
            async with asyncio.timeout(self._tools.config.upstream_call_s):
                findings = await upstream.find(sent, account)
        except (GatewayError, TimeoutError) as error:
            log.warning("cannot look for a lost submission", account_id=self._account_id, error=str(error))
            return
        for ticket, finding in findings.items():
            job, attempt = attempts[ticket]
            await self._conclude(job, attempt, finding, upstream)

    async def _conclude(self, job: Job, attempt: Attempt, finding: Finding, upstream: Upstream) -> None:
        match finding:
            case Found(remote_id=remote_id):
                await self._adopt(job, remote_id, "found in the lists")
            case NotSeen():
                await self._not_seen(job, attempt, upstream)
            case Unclear(reason=reason):
                self._look_again(attempt, upstream)
                log.info("lost submission is still unclear", job_id=job.id, reason=reason)
                await self._give_up_in_the_end(job)

    async def _not_seen(self, job: Job, attempt: Attempt, upstream: Upstream) -> None:
        self._look_again(attempt, upstream)
        now_s = self._tools.now()
        counts_from = attempt.counts_from
        if counts_from is None:  # ended by the caller before anyone knew that it is ambiguous
            counts_from = attempt.send_by + _answer_s(upstream)
        if now_s < counts_from:
            return
        job = await self._apply(job, LookedFor(ticket=attempt.ticket), as_owner=True)
        looked = job.attempt
        if looked is None or not _is_absent(looked, now_s, upstream):
            await self._give_up_in_the_end(job)
            return
        reason = f"not in {looked.absent_reads} complete reads: no task was made"
        log.info("submission settled", job_id=job.id, account_id=self._account_id, how=reason)
        await self._apply(job, Returned(ticket=attempt.ticket, reason=reason), as_owner=True)

    async def _give_up_in_the_end(self, job: Job) -> None:
        owed = job.obligation
        if owed is not None and self._tools.now() - owed.since > _GIVE_UP_S:
            await self._apply(job, Released(reason="never settled, given up after a day"), as_owner=True)

    def _look_again(self, attempt: Attempt, upstream: Upstream) -> None:
        resend = upstream.resend
        pause_s = resend.over_s / resend.reads if isinstance(resend, AfterAbsence) else 30.0
        self._next_find[attempt.ticket] = boottime() + min(pause_s, 1.0 * 2**attempt.absent_reads)


def _answer_s(upstream: Upstream) -> float:
    return upstream.resend.answer_s if isinstance(upstream.resend, AfterAbsence) else 60.0


def _is_absent(attempt: Attempt, now_s: float, upstream: Upstream) -> bool:
    resend = upstream.resend
    if not isinstance(resend, AfterAbsence) or attempt.absent_since is None:
        return False
    return attempt.absent_reads >= resend.reads and now_s - attempt.absent_since >= resend.over_s


def _sent(job: Job, attempt: Attempt, known: frozenset[str], is_marker_echoed: bool | None) -> Sent:
    return Sent(
        job_id=job.id,
        ticket_id=attempt.ticket,
        marker=attempt.marker,
        request=asked_of(job),
        prepared=attempt.prepared,
        sent_at=attempt.written_at,
        known=known,
        is_marker_echoed=is_marker_echoed,
    )


def unknown_error() -> JobError:
    """Return the end of a submission that could not be settled in time."""
    message = (
        "The backend never answered whether it took this generation, and it could not be found out. "
        "It was not charged. Please submit it again."
    )
    return JobError(kind=ErrorKind.SUBMISSION_UNKNOWN, message=message, code="submission_unknown")


def failed_unknown(ticket: str | None) -> Failed:
    """Return the event that ends an unsettled job; the task, if there is one, stays owed."""
    return Failed(error=unknown_error(), is_over_at_backend=False, ticket=ticket)
