"""The one facade of the engine: what surfaces may ask of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

from sora_gateway.accounts.choice import admission, allowed, choose
from sora_gateway.domain.accounts import Account
from sora_gateway.domain.advance import pinned
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.job_events import Cancelled, Deleted
from sora_gateway.domain.jobs import Job, Phase, Status
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.media import Blob, MediaKind, Output, Variant
from sora_gateway.domain.model_names import Family
from sora_gateway.domain.prices import cost
from sora_gateway.domain.priorities import granted
from sora_gateway.domain.requests import GenerationRequest, Source
from sora_gateway.engine.characters import Characters
from sora_gateway.engine.estimates import Estimates
from sora_gateway.engine.explaining import Happening, history
from sora_gateway.engine.inputs import Inputs
from sora_gateway.engine.tools import NodeTools
from sora_gateway.engine.watchers import Sight, Watchers
from sora_gateway.kit.ids import new_id
from sora_gateway.licences.allowance import over_bound, reservation
from sora_gateway.licences.scope import within
from sora_gateway.ports.media import Links, LocalFile
from sora_gateway.ports.stores import Idempotency, IdempotencyConflictError, Page, Replayed
from sora_gateway.ports.upstream import Upstream
from sora_gateway.ports.usage import BoundReachedError
from sora_gateway.telemetry import metrics

_REPEATED_S = 300.0
_OWN_PATH = re.compile(r"/files/(?P<job_id>[a-z0-9_]+)/(?P<variant>[a-z]+)/(?P<index>\d{1,4})(\.[a-z0-9]+)?$")


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

    def __init__(
        self,
        tools: NodeTools,
        inputs: Inputs,
        watchers: Watchers,
        estimates: Estimates,
        links: Links,
        characters: Characters,
    ) -> None:
        self._characters = characters
        self._tools = tools
        self._inputs = inputs
        self._watchers = watchers
        self._estimates = estimates
        self._links = links

    # --- coming in -----------------------------------------------------------------------------------------

    async def store_input(self, picture: bytes | LocalFile | Blob, *, param: str) -> Blob:
        """Check a reference picture by its content and put it into the vault; a stored one gets a copy.

        Raises:
            GatewayError(invalid_request): no picture, damaged or too large; ``param`` is named.
        """
        return await self._inputs.store(picture, param=param)

    async def fetch_input(self, url: str, *, param: str) -> Blob:
        """The same for a URL, a data URL, or bare base64; our own links are read from the vault."""
        return await self._inputs.fetch(url, self._own_link, param=param)

    async def fetch_clip(self, url: str, *, param: str) -> Blob:
        """Check a clip of a URL, a data URL or bare base64 and put it into the vault; our links as above.

        Raises:
            GatewayError(invalid_request): no video, damaged or too large; ``param`` is named.
        """
        return await self._inputs.fetch_clip(url, self._own_link, param=param)

    async def store_clip(self, clip: bytes | LocalFile | Blob, *, param: str) -> Blob:
        """The same for a clip that came as a file, or lies in the vault."""
        return await self._inputs.store_clip(clip, param=param)

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
            GatewayError(permission_denied): the caller may not use the model, or a group that it names.
            GatewayError(insufficient_quota): his units do not suffice.
            GatewayError(rate_limited): he has as many jobs under way as he may.
            GatewayError(queue_full): try again later.
            GatewayError(conflict): the idempotency key was used with another request.
        GatewayError(invalid_request): what it starts from lies on several accounts.
        """
        requests = await self.admitted(requests, caller)
        jobs = self._new_jobs(requests, caller)
        units = sum(cost(request, self._tools.config.prices) for request in requests)
        try:
            accepted = await self._tools.jobs.accept(
                jobs,
                cost=max(1.0, units) / len(requests) / caller.bounds.weight,
                queue_limit=self._tools.config.queue_limit,
                idempotency=idempotency,
                bounds=caller.bounds,
            )
        except BoundReachedError as error:
            raise over_bound(
                error.bound,
                error.used,
                caller.bounds,
                units=units,
                jobs=len(jobs),
                now_s=self._tools.now(),
            ) from error
        except IdempotencyConflictError as error:
            raise _used_otherwise(idempotency) from error
        if isinstance(accepted, Replayed):
            return accepted.jobs
        for job in accepted:
            metrics.ACCEPTED.labels(job.kind.value, job.request.family.value).inc()
        return accepted

    async def replayed(self, idempotency: Idempotency) -> tuple[Job, ...] | None:
        """Return the jobs that an equal request made under this promise, None if there was none.

        What it started from may be gone by now: a repeated request asks for nothing new.

        Raises:
            GatewayError(conflict): the key was used with another request.
        """
        try:
            replayed = await self._tools.jobs.replayed(idempotency)
        except IdempotencyConflictError as error:
            raise _used_otherwise(idempotency) from error
        return replayed.jobs if replayed is not None else None

    async def promise(self, scope: str, digest: str, *, is_repeat: bool) -> Idempotency | None:
        """Return what makes a request that an SDK sent again mean the job that was made already.

        It holds for five minutes, or until ``delivered``: whoever asks again after a complete answer wants
        another job.
        """
        name = f"{scope} {digest}"
        try_id = await self._tools.jobs.try_of(name, new_id("try"), is_repeat=is_repeat, keep_s=_REPEATED_S)
        return Idempotency(scope=scope, key=try_id, digest=digest)

    async def delivered(self, promise: Idempotency) -> None:
        """Record that the answer to the request of ``promise`` reached its caller."""
        await self._tools.jobs.end_try(f"{promise.scope} {promise.digest}", promise.key)

    async def admitted(
        self, requests: Sequence[GenerationRequest], caller: Caller
    ) -> tuple[GenerationRequest, ...]:
        """Return the requests bound to the accounts that they need, if some account could run each.

        Raises:
            GatewayError: as ``submit``.
        """
        aliases = self._tools.config.aliases
        placed = [await self._placed(within(request, caller, aliases), caller) for request in requests]
        if self._refusal(placed, await self._tools.pool.all()) is not None:
            refusal = self._refusal(placed, await self._tools.pool.stored())
            if refusal is not None:
                raise refusal
        return tuple(placed)

    def _refusal(
        self, requests: Sequence[GenerationRequest], accounts: Sequence[Account]
    ) -> GatewayError | None:
        refusals = (admission(request, accounts) or self._lacking(request) for request in requests)
        return next((refusal for refusal in refusals if refusal is not None), None)

    async def _placed(self, request: GenerationRequest, caller: Caller) -> GenerationRequest:
        """Bind the request to the account that holds what it starts from, or that is the caller's own."""
        needed = {"the caller's own account": caller.account_id, "the request": request.account_id}
        for name, source in (("the video", request.source), ("the character's video", _clip_source(request))):
            needed[name] = source.account_id if source is not None else None
        if request.kind is MediaKind.VIDEO:
            mentions = list(request.mentions)
            for character in await self._characters.mentioned(request.prompt, caller):
                needed[f"@{character.username}"] = character.account_id
                mentions += [character.username] if character.username is not None else []
            # The backend is told them in the one form that it reads, however they are written.
            request = replace(request, mentions=tuple(dict.fromkeys(mentions)))
        where = {name: account_id for name, account_id in needed.items() if account_id is not None}
        if len(set(where.values())) > 1:
            message = (
                f"These lie on different accounts of the backend and cannot come together: "
                f"{', '.join(name for name in where if name != 'the request')}."
            )
            raise GatewayError(ErrorKind.INVALID_REQUEST, message, param="prompt")
        return replace(request, account_id=next(iter(where.values()), None))

    async def source(self, job_id: str, caller: Caller, *, param: str) -> tuple[Job, Source]:
        """Return a finished video of the caller's as what another request may start from.

        Raises:
            GatewayError(not_found): unknown, deleted or another's.
            GatewayError(invalid_request): it is no video, or not finished.
            GatewayError(unsupported): the backend cannot start from it.
        """
        job = await self._own(job_id, caller)
        if job.kind is not MediaKind.VIDEO:
            raise GatewayError(ErrorKind.INVALID_REQUEST, f"'{job_id}' is no video.", param=param)
        if job.status is not Status.COMPLETED:
            message = f"The video '{job_id}' is {job.status.value}; only a completed one can be used."
            raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
        is_usable = job.request.family is Family.VIDEO2 and job.account_id is not None
        if not is_usable or job.result_id is None or job.account_id is None:
            message = f"The video '{job_id}' is of a kind that nothing can be made of."
            raise GatewayError(ErrorKind.UNSUPPORTED, message, param=param)
        return job, Source(
            job_id=job.id,
            account_id=job.account_id,
            result_id=job.result_id,
            total_s=job.request.total_s,
        )

    def describe(self, request: GenerationRequest) -> Mapping[str, object]:
        """Return what a backend would be asked for ``request``, for people."""
        return self._upstream_for(request).describe(request)

    async def candidates(self, request: GenerationRequest) -> tuple[Account, ...]:
        """Return the accounts that could run ``request``, the best first; those that are not free last."""
        accounts = [
            account for account in await self._tools.pool.all() if admission(request, [account]) is None
        ]
        loads = await self._tools.lanes.load([account.id for account in accounts])
        free = choose(request, accounts, loads, self._tools.now())
        return (*free, *(account for account in accounts if account not in free))

    def _lacking(self, request: GenerationRequest) -> GatewayError | None:
        reasons = [
            reason for upstream in self._tools.upstreams.values() if (reason := upstream.lacks(request))
        ]
        if len(reasons) < len(self._tools.upstreams):
            return None
        return GatewayError(ErrorKind.UNSUPPORTED, reasons[0] if reasons else "No backend is configured.")

    def _upstream_for(self, request: GenerationRequest) -> Upstream:
        return next(
            upstream for upstream in self._tools.upstreams.values() if upstream.lacks(request) is None
        )

    def _new_jobs(self, requests: Sequence[GenerationRequest], caller: Caller) -> tuple[Job, ...]:
        now_s = self._tools.now()
        ids = tuple(new_id(request.kind.value, self._tools.now) for request in requests)
        return tuple(
            Job(
                id=job_id,
                owner=caller.licence_id,
                request=request,
                signature=self._signature(request),
                created_at=now_s,
                updated_at=now_s,
                deadline_at=now_s + self._tools.config.limits.queue_s,
                variants=ids if len(ids) > 1 else (),
                reservation=reservation(request, now_s, self._tools.config.prices),
                priority=granted(caller.bounds.priority, request.priority),
            )
            for job_id, request in zip(ids, requests, strict=True)
        )

    def _signature(self, request: GenerationRequest) -> str:
        """Name the queue: jobs of one signature can be run by the same accounts."""
        groups = ",".join(sorted(request.groups)) or "*"
        signature = f"{self._upstream_for(request).name}/{request.kind.value}/{request.plan.value}/{groups}"
        return pinned(signature, request.account_id) if request.account_id is not None else signature

    # --- looking -------------------------------------------------------------------------------------------

    async def get(self, job_id: str, caller: Caller) -> JobView:
        """Return the job.

        Raises:
            GatewayError(not_found): unknown, deleted or another's.
        """
        found = await self._tools.jobs.look(job_id)
        job = self._visible(job_id, found[0] if found is not None else None, caller)
        return await self._placed_view(job, found[1] if found is not None else None)

    async def view(self, job: Job) -> JobView:
        """Return a job that was accepted or read a moment ago, with its place in the queue."""
        position = await self._tools.jobs.queue_position(job) if job.phase is Phase.QUEUED else None
        return await self._placed_view(job, position)

    async def history(self, job: Job) -> Sequence[Happening]:
        """Return what happened to a job that was got, as its caller may read it."""
        return history(job, await self._tools.pool.all())

    async def page(
        self, caller: Caller, *, after: str | None, limit: int, ascending: bool, kind: MediaKind
    ) -> Page:
        """Return a piece of the caller's jobs by creation time.

        Raises:
            GatewayError(not_found): ``after`` is not one of them.
        """
        page = await self._tools.jobs.page(
            caller.licence_id, after=after, limit=limit, ascending=ascending, kind=kind
        )
        if page is None:
            raise GatewayError(
                ErrorKind.NOT_FOUND, f"'after' names no {kind.value} of yours: '{after}'.", param="after"
            )
        return page

    async def watch(
        self, job_id: str, caller: Caller, *, after_seq: int | None = None
    ) -> AsyncIterator[Watched]:
        """Yield the job's events until it is final, the final one included.

        Without ``after_seq`` the first is the present state; with it the events after that one, without gap
        or repeat. Ending the iteration ends the watching only.
        """
        await self._own(job_id, caller)
        async with aclosing(self._watchers.watch(job_id, after_seq=after_seq)) as sights:
            async for sight in sights:
                yield await self._watched(sight)

    async def wait_final(self, job_id: str, caller: Caller, *, timeout_s: float) -> Job:
        """Return the job when it is final, or as it is after ``timeout_s``."""
        job = await self._own(job_id, caller)
        if job.is_final:
            return job
        try:
            async with asyncio.timeout(timeout_s), aclosing(self._watchers.watch(job_id)) as sights:
                async for sight in sights:
                    if sight.job.is_final:
                        return sight.job  # read again, it might be deleted already
        except TimeoutError:
            pass
        return await self._own(job_id, caller)

    async def output(self, job_id: str, variant: Variant, index: int, caller: Caller | None) -> Output:
        """Return where a result lies. ``caller`` None: a signed link already proved the right.

        Raises:
            GatewayError(not_found): unknown job or no such variant or index.
            GatewayError(not_ready): not finished (code ``video_not_ready``).
            GatewayError(expired): the results were kept long enough (code ``expired``).
            GatewayError(generation_failed): the job failed; code and message are the job's error.
        """
        job = await self._own(job_id, caller)
        if job.kind is MediaKind.CHARACTER:
            message = f"'{job_id}' is a character; it has no content."
            raise GatewayError(ErrorKind.NOT_FOUND, message, param="id")
        if job.status in (Status.FAILED, Status.CANCELLED) and job.error is not None:
            raise GatewayError(ErrorKind.NOT_FOUND, job.error.message, code=job.error.code)
        if job.status is not Status.COMPLETED:
            state = f"{job.status.value} ({job.percent} %)"
            message = f"'{job_id}' is {state}; its content exists once it is completed."
            raise GatewayError(ErrorKind.NOT_READY, message)
        if job.expires_at is not None and job.expires_at <= self._tools.now():
            raise GatewayError(
                ErrorKind.EXPIRED, f"The content of '{job_id}' was kept long enough and is gone."
            )
        for output in job.outputs:
            if output.variant is variant and output.index == index:
                return output
        offered = ", ".join(sorted({output.variant.value for output in job.outputs}))
        message = f"'{job_id}' has no {variant.value} number {index}; it offers: {offered}."
        raise GatewayError(ErrorKind.NOT_FOUND, message, param="variant")

    # --- ending --------------------------------------------------------------------------------------------

    async def cancel(self, job_id: str, caller: Caller) -> JobView:
        """Cancel; a final job is returned unchanged."""
        await self._own(job_id, caller)
        _, after = await self._tools.records.apply(job_id, Cancelled())
        return await self.view(after)

    async def delete(self, job_id: str, caller: Caller) -> None:
        """Delete the job and its results; it is cancelled first if it still runs."""
        await self._own(job_id, caller)
        await self._tools.records.apply(job_id, Deleted())

    # --- furniture -----------------------------------------------------------------------------------------

    async def _own(self, job_id: str, caller: Caller | None) -> Job:
        return self._visible(job_id, await self._tools.jobs.get(job_id), caller)

    def _visible(self, job_id: str, job: Job | None, caller: Caller | None) -> Job:
        is_visible = job is not None and job.deleted_at is None
        if job is None or not is_visible or (caller is not None and job.owner != caller.licence_id):
            raise GatewayError(ErrorKind.NOT_FOUND, f"No job with id '{job_id[:80]}' exists.", param="id")
        return job

    async def _placed_view(self, job: Job, position: int | None) -> JobView:
        slots = await self._slots(job) if position is not None else 1
        return JobView(job=job, queue_position=position, eta_s=self._estimates.eta_s(job, position, slots))

    async def _slots(self, job: Job) -> int:
        now_s = self._tools.now()
        accounts = allowed(job.request, await self._tools.pool.all())
        return sum(account.room(job.kind) for account in accounts if account.is_usable(now_s))

    async def _watched(self, sight: Sight) -> Watched:
        return Watched(seq=sight.seq, view=await self.view(sight.job), is_snapshot=sight.is_snapshot)

    async def _own_link(self, url: str) -> Blob | None:
        """Return the blob behind one of our own signed links, None for anything else."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return None  # no URL at all: whoever fetches it says so
        path = _OWN_PATH.search(parts.path)
        if path is None or path["variant"] not in set(Variant):
            return None
        query = parse_qs(parts.query)
        exp, sig = query.get("exp", [""])[0], query.get("sig", [""])[0]
        job_id, variant, index = path["job_id"], Variant(path["variant"]), int(path["index"])
        if not self._links.verify(job_id, variant, index, exp, sig):
            return None
        output = await self.output(job_id, variant, index, None)
        return output.blob


def _clip_source(request: GenerationRequest) -> Source | None:
    return request.character.source if request.character is not None else None


def _used_otherwise(idempotency: Idempotency | None) -> GatewayError:
    key = idempotency.key if idempotency is not None else ""
    message = f"Idempotency-Key '{key}' was used before with another request; use a new key for this one."
    return GatewayError(ErrorKind.CONFLICT, message, param="Idempotency-Key")
