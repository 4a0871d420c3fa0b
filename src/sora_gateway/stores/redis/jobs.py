"""Keep jobs, their queue and their events: every change is one script, guarded by the job's version."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job, Phase
from sora_gateway.domain.licences import NO_BOUNDS, Bounds
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.priorities import Priority
from sora_gateway.kit.clock import Now, system_now
from sora_gateway.ports.stores import (
    Head,
    Idempotency,
    IdempotencyConflictError,
    Lease,
    LeaseLostError,
    Page,
    PublicEvent,
    Replayed,
    TakenError,
    TwinError,
)
from sora_gateway.ports.usage import BoundName, BoundReachedError
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.archive import Archive
from sora_gateway.stores.redis.codec import JOBS, decode_event, to_json
from sora_gateway.stores.redis.connection import Connection
from sora_gateway.stores.redis.placement import KeyRing, bound_checks, plan
from sora_gateway.stores.redis.scripting import load, load_on_state

_ACCEPT = load_on_state("accept")
_CHANGE = load_on_state("change")
_HEADS = load_on_state("heads")
_POSITION = load("position")
_PAGE = load("page")
_DUE = load("due")
_CLAIM_COLLECTS = load("claim_collects")
_POSTPONE_COLLECT = load("postpone_collect")

_REFUSALS: dict[str, Callable[[], Exception]] = {
    "lost": LeaseLostError,
    "twin": TwinError,
    "taken": TakenError,
}
# What replicas must have before it counts: a promise to a caller, and what is about to be sent.
_ACCEPTED = ("accepted", "known", "replayed")
_DONE = ("done",)
_PATIENT_TRIES = 3
_MOST_TRIES = 500
_LONGEST_COLLECT_S = 3600.0
_MOST_REMEMBERED = 20_000
_MOST_HELD = 12_000
_WRITE_ID_LENGTH = 12
_PLACE_S = 0.5
_LARGEST_PIECE = 1000
_CLASSES = tuple(keys.CLASS_BASE[priority] for priority in (Priority.NORMAL, Priority.LOW))


@dataclass(frozen=True, slots=True)
class _Current:
    """A job as it was read, and whether from the archive."""

    job: Job
    is_archived: bool
    write_id: str = ""
    """Of the write that made it so, where it was not read just now but held."""


class RedisJobs:
    """Implements ``ports.stores.JobStore``."""

    def __init__(self, connection: Connection, now: Now = system_now) -> None:
        self._connection = connection
        self._now = now
        self._archive = Archive(connection, now)
        self._signatures: tuple[str, ...] = ()
        self._queues: dict[str, str] = {}
        """In which queue jobs waited that were looked at, or accepted, here: where to ask first."""
        self._held: dict[str, _Current] = {}
        """Jobs in lanes as they were written, or loaded, here last: to be decided on before they are read."""
        self._place_at_acceptance: dict[str, int] = {}

    async def accept(
        self,
        jobs: Sequence[Job],
        *,
        cost: float,
        queue_limit: int,
        idempotency: Idempotency | None = None,
        bounds: Bounds = NO_BOUNDS,
    ) -> tuple[Job, ...] | Replayed:
        """Store new jobs, all or none; each costs its owner ``cost``. Repeating it by the same ids is safe.

        Raises:
            BoundReachedError: the owner has too many jobs, or too few units left.
            GatewayError(queue_full): they and the waiting ones are more than ``queue_limit``.
            IdempotencyConflictError: the key was used for another request.
        """
        ring = KeyRing()
        ring.place(keys.WAITING)
        ring.names.append(_idempotency_key(idempotency))
        parts: list[str | int] = []
        for job in jobs:
            parts += (plan(None, job, ring), job.version, JOBS.encode(job), job.id, job.owner)
        digest = idempotency.digest if idempotency is not None else ""
        ids = " ".join(job.id for job in jobs)
        checks = to_json(bound_checks(jobs, bounds, ring))
        head = (_new_write_id(), queue_limit, cost, digest, ids, keys.IDEMPOTENCY_S, checks)
        answer = await self._connection.run(_ACCEPT, ring.names, (*head, *parts), binding=_ACCEPTED)
        match answer:
            case ["accepted", before]:
                for job, place in zip(jobs, before, strict=True):
                    self._remember(job)
                    self._place_at_acceptance[job.id] = int(place)
                return tuple(jobs)
            case ["known"]:
                return await self._stored([job.id for job in jobs])
            case ["replayed", held]:
                return Replayed(jobs=await self._stored(held.split(" ")))
            case ["conflict"]:
                raise IdempotencyConflictError
            case ["bound", name, used]:
                raise BoundReachedError(BoundName(name), int(used))
            case _:
                message = f"The queue is full ({queue_limit} jobs wait). Try again later."
                raise GatewayError(ErrorKind.QUEUE_FULL, message, retry_after_s=5.0)

    async def replayed(self, idempotency: Idempotency) -> Replayed | None:
        """Return the jobs that the key was used for already, None if it was not.

        Raises:
            IdempotencyConflictError: the key was used for another request.
        """
        digest, held = await self._connection.call("HMGET", _idempotency_key(idempotency), "digest", "ids")
        if digest is None:
            return None
        if digest != idempotency.digest:
            raise IdempotencyConflictError
        # Its acceptance may be one that replicas had not confirmed when its caller was told so.
        await self._connection.confirm()
        return Replayed(jobs=await self._stored(held.split(" ")))

    async def try_of(self, name: str, fresh: str, *, is_repeat: bool, keep_s: float) -> str:
        """Return the id of the try that a request belongs to, kept for ``keep_s``."""
        key, seconds = keys.try_of(name), max(1, round(keep_s))
        if not is_repeat:
            await self._connection.call("SET", key, fresh, "EX", seconds)
            return fresh
        commands = [("SET", key, fresh, "NX", "EX", seconds), ("GET", key)]
        _, found = await self._connection.pipeline(commands)
        return str(found) if found is not None else fresh

    async def end_try(self, name: str, try_id: str) -> None:
        """Forget the try, unless another one of that name has begun since."""
        key = keys.try_of(name)
        if await self._connection.call("GET", key) == try_id:
            await self._connection.call("DEL", key)

    async def get(self, job_id: str) -> Job | None:
        """Return the job, live or archived. One round trip."""
        found = await self._current(job_id)
        return None if found is None else found.job

    async def queue_position(self, job: Job) -> int | None:
        """Return its place in its queue from 1, None when it does not wait.

        Who asks right after ``accept`` gets what that answered, without a round trip.
        """
        at_acceptance = self._place_at_acceptance.pop(job.id, -1)
        if at_acceptance >= 0 and self._now() - job.created_at < _PLACE_S:
            return at_acceptance + 1
        names = (keys.queue(job.signature), keys.delayed(job.signature), keys.TAGS)
        before = await self._connection.run(_POSITION, names, (job.id,))
        return None if before is None else int(before) + 1

    async def look(self, job_id: str) -> tuple[Job, int | None] | None:
        """Return the job and its ``queue_position``: one round trip, two where a job is new to this node."""
        signature = self._queues.get(job_id)
        place = () if signature is None else (("ZRANK", keys.queue(signature), job_id),)
        commands = [("HGET", keys.job(job_id), "j"), *place, ("HGET", keys.archived(job_id), "j")]
        live, *rank, old = await self._connection.pipeline(commands)
        if live is None and old is None:
            return None
        job = JOBS.decode(live or old)
        if job.phase is not Phase.QUEUED:
            self._queues.pop(job_id, None)
            return job, None
        self._remember(job)
        if signature == job.signature and rank[0] is not None:
            return job, int(rank[0]) + 1
        return job, await self.queue_position(job)

    def _remember(self, job: Job) -> None:
        if len(self._queues) >= _MOST_REMEMBERED and job.id not in self._queues:
            oldest = next(iter(self._queues))
            del self._queues[oldest]
            self._place_at_acceptance.pop(oldest, None)
        self._queues[job.id] = job.signature

    async def page(
        self, owner: str, *, after: str | None, limit: int, ascending: bool, kind: MediaKind
    ) -> Page | None:
        """Return the owner's jobs of ``kind`` by (creation time, id), tombstones left out.

        None: ``after`` is not one of them. A tombstone may be ``after``. Two round trips, more only where
        tombstones fill whole pieces.
        """
        listed: list[Job] = []
        piece = limit + 1
        direction = "up" if ascending else "down"
        while True:
            args = (after or "", direction, piece)
            ids = await self._connection.run(_PAGE, (keys.owned(owner, kind),), args)
            if ids is None:
                return None
            found = await self._find(ids)
            listed += [it.job for it in found if it is not None and it.job.deleted_at is None]
            if len(listed) > limit or len(ids) < piece:
                return Page(jobs=tuple(listed[:limit]), has_more=len(listed) > limit)
            after = ids[-1]
            piece = min(2 * piece, _LARGEST_PIECE)

    async def change(
        self, job_id: str, decide: Callable[[Job], Job], *, lease: Lease | None = None
    ) -> tuple[Job, Job]:
        """Apply ``decide`` to the current job and store the answer if nothing came between; else repeat.

        Applied exactly once, also if the connection broke on the way. One round trip where the job is in a
        lane and was written or loaded here last, two where it must be read, more when somebody interferes.

        Raises:
            GatewayError(not_found): no such job.
            LeaseLostError: ``lease`` was given and is not the lane's current one.
            TwinError, TakenError: see there.
        """
        changed = await self._change(job_id, decide, lease=lease)
        if changed is None:
            raise GatewayError(ErrorKind.NOT_FOUND, f"There is no job {job_id!r}.")
        return changed

    async def heads(self, limit: int) -> Sequence[Head]:
        """Return the first waiting jobs of each signature, at most ``limit`` of each.

        The order is by class over all signatures, then fair within each of them.
        """
        while True:
            names = [key for name in self._signatures for key in (keys.queue(name), keys.delayed(name))]
            verdict, found = await self._connection.run(
                _HEADS, (*keys.STATE, *names), (limit, *_CLASSES, *self._signatures)
            )
            if verdict == "heads":
                return [Head(signature=found[i], job_id=found[i + 1]) for i in range(0, len(found), 2)]
            self._signatures = tuple(found)

    async def bind(
        self, job_id: str, decide: Callable[[Job], Job], account_id: str, slots: int
    ) -> Job | None:
        """Apply ``decide`` (a ``Bound``) if the job still waits and the account has a free slot of its kind.

        None: it waits no more, or no slot is free. Two round trips.
        """

        def decide_waiting(job: Job) -> Job:
            after = decide(job)
            return after if after.lane == account_id and job.lane is None else job

        changed = await self._change(job_id, decide_waiting, slots=slots)
        return None if changed is None or changed[1] is changed[0] else changed[1]

    async def events_after(self, job_id: str, seq: int) -> Sequence[PublicEvent]:
        """Return the job's events with a higher ``seq``, oldest first; the last 512 are kept."""
        living, archived = await self._connection.pipeline(
            [("LRANGE", keys.log(job_id), 0, -1), ("HGET", keys.archived(job_id), "e")]
        )
        lines = living or (archived.split("\n") if archived else [])
        return [event for event in map(decode_event, lines) if event.seq > seq]

    async def lane_jobs(self, account_id: str) -> Sequence[Job]:
        """Return all jobs whose ``lane`` is the account."""
        ids = sorted(await self._connection.call("SMEMBERS", keys.lane(account_id)))
        records = await self._connection.pipeline([("HMGET", keys.job(job_id), "w", "j") for job_id in ids])
        jobs = [
            self._loaded(job_id, writes[:_WRITE_ID_LENGTH], text)
            for job_id, (writes, text) in zip(ids, records, strict=True)
            if text is not None
        ]
        # Between the two reads one may have left.
        return [job for job in jobs if job.lane == account_id]

    def _loaded(self, job_id: str, write_id: str, text: str) -> Job:
        held = self._held.get(job_id)
        if held is not None and held.write_id == write_id:
            return held.job  # lanes load all their jobs again and again: 1 µs each, not 30
        job = JOBS.decode(text)
        self._hold(job, write_id)
        return job

    def _hold(self, job: Job, write_id: str) -> None:
        """Remember a living job while it is in a lane; the script compares version and write id."""
        self._held.pop(job.id, None)
        if job.lane is not None:
            if len(self._held) >= _MOST_HELD:
                del self._held[next(iter(self._held))]
            self._held[job.id] = _Current(job, is_archived=False, write_id=write_id)

    async def claim_collects(self, limit: int, lease_s: float) -> Sequence[str]:
        """Take due jobs of the collect set and postpone them by ``lease_s``."""
        args = (limit, lease_s, _LONGEST_COLLECT_S)
        due: list[str] = await self._connection.run(_CLAIM_COLLECTS, (keys.COLLECT,), args)
        return due

    async def postpone_collect(self, job_id: str, delay_s: float) -> None:
        """Make the job due again after ``delay_s``, at most an hour; nothing if it collects no more."""
        args = (job_id, min(delay_s, _LONGEST_COLLECT_S))
        await self._connection.run(_POSTPONE_COLLECT, (keys.COLLECT,), args)

    async def due_deadlines(self, limit: int) -> Sequence[str]:
        """Return ids of jobs whose deadline has passed, by store time."""
        due: list[str] = await self._connection.run(_DUE, (keys.DEADLINES,), (limit,))
        return due

    async def archive(self, limit: int) -> int:
        """Move final jobs without obligation out of the living state; return how many were moved."""
        return await self._archive.move(limit)

    async def expired(self, limit: int) -> Sequence[Job]:
        """Return completed jobs whose results are past ``expires_at`` or deleted and still hold blobs."""
        due = await self._connection.run(_DUE, (keys.RETENTION,), (limit,))
        found = await self._find(due)
        holding = [it.job for it in found if it is not None and it.job.outputs]
        # Forgotten by the archive, or its entry survived a crash right after ``forget_blobs``.
        over = set(due) - {job.id for job in holding}
        if over:
            await self._connection.call("ZREM", keys.RETENTION, *over)
        return holding

    async def forget_blobs(self, job_id: str) -> None:
        """Record that the blobs are gone: the job's ``outputs`` become empty. Repeating it is safe."""
        await self._change(job_id, _without_outputs)

    async def _change(
        self,
        job_id: str,
        decide: Callable[[Job], Job],
        *,
        lease: Lease | None = None,
        slots: int | None = None,
    ) -> tuple[Job, Job] | None:
        current = self._held.get(job_id) or await self._current(job_id)
        for tries in range(_MOST_TRIES):
            if current is None:
                return None
            before = current.job
            after = decide(before)
            if after is before or after == before:
                if not current.write_id:
                    return before, before
                current = await self._current(job_id)  # as it stands now it may be another matter
                continue
            match await self._write(current, after, lease, slots):
                case ["done"]:
                    return before, after
                case ["stale", text]:
                    current = _Current(JOBS.decode(text), current.is_archived)
                case ["gone"]:
                    current = None if current.is_archived else await self._current(job_id)
                case ["full"]:
                    return before, before
                case refusal:
                    raise _REFUSALS[refusal[0]]()
            await _let_through(tries)
        raise GatewayError(ErrorKind.STORE_UNAVAILABLE, "The job changes too often.", retry_after_s=1.0)

    async def _write(
        self, current: _Current, after: Job, lease: Lease | None, slots: int | None
    ) -> Sequence[str]:
        before, write_id, ring = current.job, _new_write_id(), KeyRing()
        answer: Sequence[str]
        if current.is_archived:
            answer = await self._archive.change(before, after, write_id, lease)
            return answer
        content = plan(before, after, ring, lease=lease, slots=slots)
        args = (content, write_id, before.version, after.version, JOBS.encode(after), current.write_id)
        is_sent_next = after.phase is Phase.SUBMITTING and before.attempt != after.attempt
        binding = _DONE if is_sent_next else ()
        answer = await self._connection.run(_CHANGE, ring.names, args, binding=binding)
        if answer == ["done"]:
            self._hold(after, write_id)
        return answer

    async def _current(self, job_id: str) -> _Current | None:
        (found,) = await self._find([job_id])
        return found

    async def _find(self, job_ids: Sequence[str]) -> list[_Current | None]:
        # The living ones first: whatever leaves between the two reads is in the archive already.
        living = [("HGET", keys.job(job_id), "j") for job_id in job_ids]
        archived = [("HGET", keys.archived(job_id), "j") for job_id in job_ids]
        texts = await self._connection.pipeline([*living, *archived])
        return [
            None if (text := live or old) is None else _Current(JOBS.decode(text), live is None)
            for live, old in zip(texts[: len(job_ids)], texts[len(job_ids) :], strict=True)
        ]

    async def _stored(self, job_ids: Sequence[str]) -> tuple[Job, ...]:
        return tuple([it.job for it in await self._find(job_ids) if it is not None])


def _without_outputs(job: Job) -> Job:
    return replace(job, outputs=(), version=job.version + 1) if job.outputs else job


async def _let_through(tries: int) -> None:
    """Let the others go first, where a job changes faster than it can be written."""
    if tries >= _PATIENT_TRIES:
        await asyncio.sleep(random.uniform(0, 0.02))  # noqa: S311 - spreads tries, protects nothing


def _new_write_id() -> str:
    return secrets.token_hex(_WRITE_ID_LENGTH // 2)


def _idempotency_key(idempotency: Idempotency | None) -> str:
    # A call without one still has the key in its place; it is not touched then.
    return keys.WAITING if idempotency is None else keys.idempotency(idempotency.scope, idempotency.key)
