"""Send bound jobs: prepare, write ahead, create once, report what came of it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType

from sora_gateway.accounts.health import videos_spent
from sora_gateway.domain.accounts import Account
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import (
    BecameAmbiguous,
    Completed,
    Failed,
    JobEvent,
    Returned,
    Started,
    Submitting,
)
from sora_gateway.domain.jobs import Attempt, Job
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.remote import Accepted, Ambiguous, NotSent, Refused, RemoteJob, Submission, Ticket
from sora_gateway.domain.requests import Clip
from sora_gateway.engine.making import asked_of, make_character
from sora_gateway.engine.markers import make_marker
from sora_gateway.engine.notebook import JobNotebook
from sora_gateway.engine.retries import Move, Work, next_step
from sora_gateway.engine.tools import NodeTools, job_error, report_trouble, retry_at
from sora_gateway.kit.backoff import backoff_s
from sora_gateway.kit.clock import boottime
from sora_gateway.ports.stores import Lease, LeaseLostError, TakenError, TwinError
from sora_gateway.ports.upstream import StepLostError, Upstream
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

_REPORT_S = 120.0
_PER_LANE = 8


class Sender:
    """The create calls of one lane, each in a task of its own, at most one a job."""

    def __init__(
        self, lease: Lease, tools: NodeTools, may_start: Callable[[], bool], wrote: Callable[[Job], None]
    ) -> None:
        self._lease = lease
        self._tools = tools
        self._may_start = may_start
        self._wrote = wrote
        self._group = asyncio.TaskGroup()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(_PER_LANE)
        self._not_before: dict[str, float] = {}

    async def __aenter__(self) -> Sender:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._group.__aexit__(kind, error, trace)
        except BaseExceptionGroup as errors:
            if errors.exceptions != (error,):
                raise
            # The block's own error goes on as it is: a lost lease is told from a broken lane by its type.

    @property
    def is_busy(self) -> bool:
        """Tell whether a job is on its way."""
        return bool(self._tasks)

    def is_sending(self, job_id: str) -> bool:
        """Tell whether this job is on its way."""
        return job_id in self._tasks

    def start(self, job: Job, upstream: Upstream, account: Account) -> None:
        """Send ``job`` unless it is on its way already."""
        if job.id in self._tasks or boottime() < self._not_before.get(job.id, 0.0):
            return
        task = self._group.create_task(self._send(job, upstream, account), name=f"send {job.id}")
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(job.id, None))

    async def drain(self, grace_s: float) -> None:
        """Wait for running sends; after ``grace_s`` cancel them: what had left becomes ambiguous."""
        tasks = list(self._tasks.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace_s)
            for task in late:
                task.cancel()

    async def _send(self, job: Job, upstream: Upstream, account: Account) -> None:
        notebook = JobNotebook(job, self._tools, lease=self._lease, wrote=self._wrote)
        try:
            if job.request.character is not None and not await self._make_character(
                job.request.character, upstream, account, notebook
            ):
                return
            async with self._room, self._tools.submissions:
                await self._send_now(notebook, upstream, account)
        except StepLostError:
            log.info("job ended while it was prepared", job_id=job.id, account_id=account.id)
        except (LeaseLostError, GatewayError) as error:
            # The store is away or the lane is another's: nothing was started that is not written down.
            log.warning("job was not sent", job_id=job.id, account_id=account.id, error=str(error))
        except Exception:
            log.exception("sending broke", job_id=job.id, account_id=account.id)
            self._not_before[job.id] = boottime() + 5.0

    async def _make_character(
        self, clip: Clip, upstream: Upstream, account: Account, notebook: JobNotebook
    ) -> bool:
        """Make the character that is needed first; tell whether there is more to do."""
        job = notebook.job
        try:
            character_id = await make_character(self._tools, clip, upstream, account, notebook)
        except GatewayError as error:
            await self._say_no(job, None, error, Work.PREPARE, upstream, account, None)
            return False
        if job.kind is not MediaKind.CHARACTER:
            return True
        await self._decide(notebook.job, Completed(outputs=(), expires_at=0.0, character_id=character_id))
        log.info("character made", job_id=job.id, account_id=account.id)
        return False

    async def _send_now(self, notebook: JobNotebook, upstream: Upstream, account: Account) -> None:
        request = asked_of(notebook.job)
        try:
            async with asyncio.timeout(self._tools.config.prepare_s):
                prepared = await upstream.prepare(request, account, self._tools.inputs, notebook)
        except (GatewayError, TimeoutError) as error:
            await self._say_no(
                notebook.job, None, _as_gateway_error(error), Work.PREPARE, upstream, account, None
            )
            return
        job = notebook.job
        if not self._may_start():
            return
        started = boottime()
        attempt = self._attempt(job, upstream, prepared)
        try:
            after = await self._decide(job, Submitting(attempt=attempt))
        except TwinError:
            # An equal submission of this account is not settled yet, and two alike could not be told apart:
            # the lane tries again when something was settled.
            return
        except GatewayError as error:
            # Whether it was written is not known, but nothing has left: there is no task to look for.
            event = Returned(ticket=attempt.ticket, reason=f"{error.kind.value}: {error.message}")
            await self._fact(job, event)
            raise
        if after is None:
            return
        ticket = Ticket(
            id=attempt.ticket,
            job_id=job.id,
            marker=attempt.marker,
            send_before=started + self._tools.config.send_window_s,
        )
        await self._create(after, prepared, upstream, account, ticket)

    def _attempt(self, job: Job, upstream: Upstream, prepared: Mapping[str, str]) -> Attempt:
        now_s = self._tools.now()
        ticket = secrets.token_hex(8)
        return Attempt(
            ticket=ticket,
            fingerprint=upstream.fingerprint(asked_of(job)),
            marker=make_marker(job.id, ticket),
            written_at=now_s,
            send_by=now_s + self._tools.config.send_window_s,
            prepared=prepared,
        )

    async def _decide(self, job: Job, event: JobEvent) -> Job | None:
        """Apply a decision if the job is still bound as it was when this send began; None: it is not."""
        apply = self._tools.records.decision(event)

        def decide(current: Job) -> Job:
            is_same = current.account_id == job.account_id and current.tries == job.tries
            return apply(current) if is_same else current

        before, after = await self._tools.jobs.change(job.id, decide, lease=self._lease)
        self._wrote(after)
        return after if after is not before else None

    async def _create(
        self, job: Job, prepared: Mapping[str, str], upstream: Upstream, account: Account, ticket: Ticket
    ) -> None:
        try:
            outcome = await upstream.submit(asked_of(job), prepared, account, ticket)
        except BaseException:
            with suppress(Exception):
                await asyncio.shield(self._report_ambiguous(job, ticket, "the sender was stopped"))
            raise
        # What happened must be written down whoever owns the lane by now.
        await asyncio.shield(self._report(job, outcome, upstream, account, ticket))

    async def _report_ambiguous(self, job: Job, ticket: Ticket, reason: str) -> None:
        now_s = self._tools.now()
        await self._fact(job, BecameAmbiguous(ticket=ticket.id, reason=reason, counts_from=now_s))

    async def _report(
        self, job: Job, outcome: Submission, upstream: Upstream, account: Account, ticket: Ticket
    ) -> None:
        match outcome:
            case Accepted(remote_id=remote_id, balance=balance):
                await self._accepted(job, remote_id, upstream, account, ticket)
                await self._tools.pool.report_use(account.id, balance, videos_spent(job.request))
            case NotSent(error=error):
                await self._say_no(job, ticket.id, error, Work.SUBMIT, upstream, account, None)
            case Refused(error=error, until=until):
                await self._say_no(job, ticket.id, error, Work.SUBMIT, upstream, account, until)
            case Ambiguous(error=error):
                await self._report_ambiguous(job, ticket, error.message)

    async def _accepted(
        self, job: Job, remote_id: str, upstream: Upstream, account: Account, ticket: Ticket
    ) -> None:
        try:
            after = await self._fact(job, Started(ticket=ticket.id, remote_id=remote_id))
        except TakenError:
            after = None
        if after is not None and after.bound_id == remote_id:
            log.info("job started", job_id=job.id, account_id=account.id, remote_id=remote_id)
            return
        log.error(
            "a task has no job to be bound to", job_id=job.id, account_id=account.id, remote_id=remote_id
        )
        await self._tools.lanes.orphan(account.id, remote_id, job.id, ticket.id)
        orphan = RemoteJob(id=remote_id, job_id=job.id, kind=job.kind, started_at=self._tools.now())
        with suppress(GatewayError):
            await upstream.cancel(orphan, account)

    async def _say_no(
        self,
        job: Job,
        ticket: str | None,
        error: GatewayError,
        work: Work,
        upstream: Upstream,
        account: Account,
        until: float | None,
    ) -> None:
        until = until if until is not None else retry_at(error, self._tools.now())
        await report_trouble(self._tools, upstream, account, error.kind, until, job.kind)
        # Each kind is counted apart: who waited for a busy account has tries left when a server fails.
        tries = job.failures.get(error.kind, 0) + 1
        rule = next_step(work, error.kind, tries)
        log.warning(
            "job was not taken",
            job_id=job.id,
            account_id=account.id,
            kind=error.kind.value,
            error=error.message,
            next=rule.move.value,
        )
        if rule.move is Move.FAIL:
            event: JobEvent = Failed(error=job_error(error), is_over_at_backend=True, ticket=ticket)
        else:
            delay_s = backoff_s(tries, base_s=rule.base_s, cap_s=rule.cap_s)
            event = Returned(
                ticket=ticket,
                reason=f"{error.kind.value}: {error.message}",
                kind=error.kind,
                avoid=rule.move is Move.ELSEWHERE,
                not_before=self._tools.now() + delay_s,
            )
        if ticket is None:
            await self._decide(job, event)
        else:
            await self._fact(job, event)

    async def _fact(self, job: Job, event: JobEvent) -> Job:
        """Write what happened, outlasting a short absence of the store."""
        give_up_at = boottime() + _REPORT_S
        tries = 0
        while True:
            tries += 1
            try:
                _, after = await self._tools.records.apply(job.id, event)
            except GatewayError as error:
                if error.kind is not ErrorKind.STORE_UNAVAILABLE or boottime() > give_up_at:
                    raise
                await asyncio.sleep(backoff_s(tries, base_s=0.1, cap_s=2.0))
            else:
                self._wrote(after)
                return after


def _as_gateway_error(error: GatewayError | TimeoutError) -> GatewayError:
    if isinstance(error, GatewayError):
        return error
    return GatewayError(ErrorKind.TIMEOUT, "Uploading the pictures to the backend took too long.")
