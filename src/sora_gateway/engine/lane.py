"""Do one account's work: send what is bound, look at the lists, write what changed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sora_gateway.domain.accounts import Account
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import (
    Failed,
    JobEvent,
    NotListed,
    Progressed,
    Released,
    Returned,
    Succeeded,
)
from sora_gateway.domain.jobs import Job, JobError, Phase
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.remote import (
    Observed,
    RemoteFailed,
    RemoteJob,
    RemoteQueued,
    RemoteRunning,
    RemoteStatus,
    RemoteSucceeded,
    RemoteUnknown,
)
from sora_gateway.engine.markers import parse_marker
from sora_gateway.engine.sending import Sender
from sora_gateway.engine.settling import Settler
from sora_gateway.engine.strays import Strays
from sora_gateway.engine.tools import REMOVED, NodeTools, job_error, remote_job, report_trouble, retry_at
from sora_gateway.kit.clock import boottime
from sora_gateway.ports.stores import Lease, LeaseLostError
from sora_gateway.ports.upstream import Upstream
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

_IDLE_S = 2.0
_GRACE_S = 60.0
_RELOAD_S = 15.0
_TOGETHER = 32
"""How many changes of one look are written at the same time: others want to reach the store too."""
_LAST_TICK_S = 1.0
"""How long a tick may go on once the lane is to end: its calls only read, and the next owner reads again."""

_Change = tuple[Job, JobEvent, bool]
"""A job, what happened to it, and whether only the lane's owner may say so."""


class Lane:
    """One account's work while this node holds the lease.

    A tick observes, compares and writes; it never waits for uploads or create calls, which run as tasks
    beside it. Jobs are local copies: every write is compared with the store's version, and the feed and a
    reload now and then bring what others wrote.
    """

    def __init__(self, lease: Lease, tools: NodeTools, may_start: Callable[[], bool]) -> None:
        self.lease = lease
        self._tools = tools
        self._may_start = may_start
        self._jobs: dict[str, Job] = {}
        self._woken = asyncio.Event()
        self._stopping = False
        self._noted: set[str] = set()
        self._asked: dict[str, RemoteJob] = {}
        self._foreign: dict[MediaKind, int] = {}
        self._observed_at = float("-inf")
        self._looked_at = float("-inf")
        self._loaded_at = float("-inf")
        self._failures = 0
        self._missing_since: float | None = None
        self._echo: bool | None = None
        self._sends_until = float("inf")
        self._last_tick: asyncio.Timeout | None = None
        self._settler = Settler(lease.account_id, tools, self._apply)
        self._strays = Strays(lease.account_id, tools)

    # --- what others tell the lane -------------------------------------------------------------------------

    def heard(self, job: Job) -> None:
        """Take a job as another writer left it."""
        mine = self._jobs.get(job.id)
        if job.lane != self.lease.account_id:
            if mine is not None and mine.version < job.version:
                del self._jobs[job.id]
            return
        if mine is None or mine.version < job.version:
            self._jobs[job.id] = job
            if job.phase is Phase.BOUND:
                self._woken.set()

    def missed(self) -> None:
        """Reload at the next tick: entries of the feed may have been lost."""
        self._loaded_at = float("-inf")
        self._woken.set()

    def stop(self, grace_s: float) -> None:
        """Start nothing more; ``run`` returns when running creates have ended, at most after ``grace_s``.

        A look at the account's lists is broken off within a second.
        """
        self._sends_until = boottime() + grace_s
        self._stopping = True
        if self._last_tick is not None:
            self._last_tick.reschedule(asyncio.get_running_loop().time() + _LAST_TICK_S)
        self._woken.set()

    # --- life ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until there is nothing left, ``stop`` is called or the lease is lost.

        Raises:
            LeaseLostError: another node looks after the account by now.
        """
        facts = await self._tools.lanes.facts(self.lease.account_id)
        self._echo = facts.is_marker_echoed
        async with Sender(self.lease, self._tools, self._may_start, self._wrote) as sender:
            try:
                await self._work(sender)
            finally:
                await sender.drain(min(_GRACE_S, max(0.0, self._sends_until - boottime())))

    async def _work(self, sender: Sender) -> None:
        idle_since: float | None = None
        while not self._stopping:
            try:
                if not await self._tick_while_wanted(sender):
                    return
            except GatewayError as error:
                # The store is away: nothing is lost, and without the lease nothing is started.
                log.warning("lane waits", account_id=self.lease.account_id, error=error.message)
            idle_since = None if self._jobs or sender.is_busy else (idle_since or boottime())
            if idle_since is not None and boottime() - idle_since > _IDLE_S:
                return
            await self._wait()

    async def _tick_while_wanted(self, sender: Sender) -> bool:
        """Tick, and tell whether it came to its end: ``stop`` breaks a long one off."""
        limit = self._last_tick = asyncio.timeout(None)
        try:
            async with limit:
                await self._tick(sender)
        except TimeoutError:
            if not limit.expired():
                raise
            return False
        finally:
            self._last_tick = None
        return True

    async def _wait(self) -> None:
        # From look to look, not from the end of one: else the accounts of a busy node are seen ever later.
        interval_s = self._interval_s()
        rest_s = self._looked_at + interval_s - boottime()
        try:
            async with asyncio.timeout(rest_s if rest_s > 0 else interval_s):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            self._woken.clear()

    def _interval_s(self) -> float:
        upstream = self._tools.upstreams.get(self.lease.account_id.partition(":")[0])
        if upstream is None or not self._jobs:
            return 1.0
        polling = upstream.polling
        is_near = any(not 0.0 < job.progress <= 0.8 or job.is_unsettled for job in self._jobs.values())
        interval = polling.fast_s if is_near else polling.slow_s
        return float(min(interval * 2.0 ** min(self._failures, 5), max(30.0, interval)))

    async def _tick(self, sender: Sender) -> None:
        tools = self._tools
        if boottime() - self._loaded_at > _RELOAD_S:
            await self._load()
        account = await tools.pool.get(self.lease.account_id)
        upstream = tools.upstreams.get(account.upstream) if account is not None else None
        if account is None or upstream is None:
            await self._without_account()
            return
        self._missing_since = None
        if self._jobs and self._is_due():
            await self._look(upstream, account, sender)
        if self._may_start() and self._observed_at > float("-inf"):
            for job in list(self._jobs.values()):
                if job.phase is Phase.BOUND:
                    sender.start(job, upstream, account)

    async def _load(self) -> None:
        before = self._jobs
        self._jobs = {}  # whatever the feed brings while the store answers
        try:
            loaded = await self._tools.jobs.lane_jobs(self.lease.account_id)
        except GatewayError:
            self._jobs = before | self._jobs
            raise
        for job in loaded:
            self.heard(job)
        self._loaded_at = boottime()

    def _is_due(self) -> bool:
        # A wake-up sends at once but does not look again: one list call per account and interval.
        if self._observed_at == float("-inf"):
            return True
        at_backend = any(job.phase is not Phase.BOUND for job in self._jobs.values())
        return at_backend and boottime() - self._looked_at >= self._interval_s() - 0.05

    async def _without_account(self) -> None:
        """Give back what was not sent; what runs there fails, unless the account soon comes back."""
        now = boottime()
        self._missing_since = self._missing_since if self._missing_since is not None else now
        is_gone = now - self._missing_since >= self._tools.config.account_gone_s
        for job in list(self._jobs.values()):
            if job.phase is Phase.BOUND:
                await self._apply(job, Returned(ticket=None, reason="the account was removed"), as_owner=True)
            elif is_gone and job.is_final:
                await self._apply(job, Released(reason="the account was removed"), as_owner=True)
            elif is_gone:
                await self._apply(job, Failed(error=REMOVED, is_over_at_backend=True), as_owner=True)

    # --- looking -------------------------------------------------------------------------------------------

    async def _look(self, upstream: Upstream, account: Account, sender: Sender) -> None:
        remote = self._tasks()
        kinds = frozenset(job.kind for job in self._jobs.values())
        is_taken_over = self._observed_at == float("-inf") and any(
            job.phase is not Phase.BOUND for job in self._jobs.values()
        )
        self._looked_at = boottime()
        try:
            async with asyncio.timeout(self._tools.config.upstream_call_s):
                observed = await upstream.observe(remote, account, kinds)
        except (GatewayError, TimeoutError) as error:
            await self._look_failed(upstream, account, error)
            return
        self._failures = 0
        self._observed_at = boottime()
        if is_taken_over:
            # Once: accounts that a node took over together would be looked at together ever after.
            self._looked_at += random.uniform(0.0, self._interval_s())  # noqa: S311 - spreads load
        changes = self._changes(observed.statuses)
        await self._note(observed)
        ours = {job.bound_id for job in self._jobs.values()}
        others = {remote_id: item for remote_id, item in observed.listed.items() if remote_id not in ours}
        is_open = any(job.is_unsettled for job in self._jobs.values())
        listed = observed.listed if is_open else others
        # What nobody needs goes before the long wait: ten thousand lists' rows that grow old make the search
        # for garbage long.
        del observed
        for start in range(0, len(changes), _TOGETHER):
            await self._apply_all(changes[start : start + _TOGETHER])
        for adopted in await self._strays.adopt(others):
            self._wrote(adopted)
        jobs = list(self._jobs.values()) if is_open else []
        await self._settler.settle(jobs, listed, self._echo, upstream, account, sender.is_sending)

    def _tasks(self) -> list[RemoteJob]:
        """Return the tasks to ask about. What is asked stays the same: to make 10,000 anew takes 50 ms."""
        known = self._asked
        self._asked = {}
        for job in self._jobs.values():
            if job.bound_id is not None:
                task = known.get(job.bound_id) or _task_of(job)
                if task is not None:
                    self._asked[job.bound_id] = task
        return list(self._asked.values())

    async def _look_failed(
        self, upstream: Upstream, account: Account, error: GatewayError | TimeoutError
    ) -> None:
        self._failures += 1
        kind = error.kind if isinstance(error, GatewayError) else ErrorKind.UPSTREAM_UNREACHABLE
        log.warning(
            "cannot look at the account's tasks", account_id=account.id, kind=kind.value, error=str(error)
        )
        # Jobs that only wait to be sent must not be held up by lists that cannot be read, nor may they be
        # sent blindly: they go back, and the account's health decides where they go.
        until = retry_at(error, self._tools.now()) if isinstance(error, GatewayError) else None
        await report_trouble(self._tools, upstream, account, kind, until)
        if self._observed_at == float("-inf"):
            not_before = self._tools.now() + 1.0
            for job in list(self._jobs.values()):
                if job.phase is Phase.BOUND:
                    event = Returned(
                        ticket=None, reason=f"lists unreadable: {kind.value}", not_before=not_before
                    )
                    await self._apply(job, event, as_owner=True)

    async def _note(self, observed: Observed) -> None:
        """Remember the ids that were seen, the foreign tasks, and whether markers come back."""
        ours = {job.bound_id for job in self._jobs.values() if job.bound_id is not None}
        unsettled = {job.id for job in self._jobs.values() if job.is_unsettled}
        foreign: dict[MediaKind, int] = dict.fromkeys(observed.read, 0)
        for remote_id, item in observed.listed.items():
            if remote_id in ours or not item.is_unfinished or item.kind not in foreign:
                continue
            marker = parse_marker(item.marker)
            if marker is None or marker.job_id not in unsettled:
                foreign[item.kind] += 1
        echo = self._echo or self._learn_echo(observed)
        fresh = [remote_id for remote_id in observed.listed if remote_id not in self._noted]
        foreign = self._foreign | foreign
        if fresh or foreign != self._foreign or echo != self._echo:
            await self._tools.lanes.note_listed(self.lease, fresh, foreign, echo)
        self._noted = (self._noted & observed.listed.keys()) | set(fresh)
        self._foreign, self._echo = foreign, echo

    def _learn_echo(self, observed: Observed) -> bool | None:
        for job in self._jobs.values():
            item = observed.listed.get(job.bound_id or "")
            if item is None or item.kind is not MediaKind.VIDEO or job.attempt is None:
                continue
            if job.request.extend is not None:
                continue  # its call has no field for a marker
            if job.phase is Phase.RUNNING:
                return item.marker == job.attempt.marker
        return self._echo

    def _changes(self, statuses: Mapping[str, RemoteStatus]) -> list[_Change]:
        changes: list[_Change] = []
        for job in self._jobs.values():
            status = statuses.get(job.bound_id) if job.bound_id is not None else None
            if status is None:
                continue
            event = self._released(status) if job.is_final else self._event(job, status)
            if event is not None:
                changes.append((job, event, isinstance(status, RemoteUnknown)))
        return changes

    @staticmethod
    def _released(status: RemoteStatus) -> JobEvent | None:
        if isinstance(status, RemoteQueued | RemoteRunning):
            return None
        return Released(reason="the task left the backend's list")

    def _event(self, job: Job, status: RemoteStatus) -> JobEvent | None:
        match status:
            case RemoteQueued():
                return Progressed(progress=job.progress) if job.unknown_reads else None
            case RemoteRunning(progress=progress):
                # Whole percents only: what no watcher can see is not worth a write.
                seen = max(progress or 0.0, job.progress)
                return (
                    Progressed(progress=seen) if int(seen * 100) > job.percent or job.unknown_reads else None
                )
            case RemoteSucceeded(outputs=outputs):
                return Succeeded(outputs=outputs)
            case RemoteFailed(error=error):
                return Failed(error=job_error(error), is_over_at_backend=True)
            case RemoteUnknown():
                return self._unknown(job)

    def _unknown(self, job: Job) -> JobEvent:
        config, now_s = self._tools.config, self._tools.now()
        # From when it was first missed: a long task's result may show late as well as a short one's.
        missed_s = now_s - (job.unknown_since if job.unknown_since is not None else now_s)
        if job.unknown_reads + 1 < config.lost_reads or missed_s < config.lost_after_s:
            return NotListed()
        message = "The backend no longer knows this generation; it was not charged. Please submit it again."
        error = JobError(kind=ErrorKind.LOST, message=message, code="lost")
        return Failed(error=error, is_over_at_backend=True)

    # --- writing -------------------------------------------------------------------------------------------

    async def _apply(self, job: Job, event: JobEvent, *, as_owner: bool = False) -> Job:
        lease = self.lease if as_owner else None
        before, after = await self._tools.records.apply(job.id, event, lease=lease)
        if before.is_unsettled:
            self._wrote(after)
        else:
            self.heard(after)  # progress is no reason to go round at once
        return after

    async def _apply_all(self, changes: Sequence[_Change]) -> None:
        """Apply each event at once with the others, so that they share round trips."""
        try:
            async with asyncio.TaskGroup() as group:
                for job, event, as_owner in changes:
                    group.create_task(self._apply(job, event, as_owner=as_owner), name=f"change {job.id}")
        except BaseExceptionGroup as errors:
            lost = errors.subgroup(LeaseLostError)
            raise (lost or errors).exceptions[0] from None

    def _wrote(self, job: Job) -> None:
        self.heard(job)
        if not job.is_unsettled:
            self._woken.set()  # a twin that waited for this one may go now


def _task_of(job: Job) -> RemoteJob | None:
    """Return the job's task at the backend, which is no older than its ``started_at``; None: it has none.

    A task that was found after its answer was lost is older than its binding, so the record of the send
    counts. An adopted job has no such record.
    """
    task = remote_job(job)
    if task is None or job.attempt is None:
        return task
    sent_at = job.attempt.written_at if job.attempt.fingerprint else job.created_at
    return replace(task, started_at=min(task.started_at, sent_at))
