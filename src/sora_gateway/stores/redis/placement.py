"""Say in which indices a job stands, and which moves lead from one place to the next. All pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from sora_gateway.domain.jobs import Job, Phase
from sora_gateway.domain.licences import Bounds
from sora_gateway.domain.webhooks import owes_event
from sora_gateway.ports.stores import Lease, PublicEvent
from sora_gateway.ports.usage import BoundName
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.codec import encode_event, to_json

Move = tuple[str | int, ...]
"""A Redis command whose first argument is the place of its key, or a step of ``scripts/prelude.lua``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a job stands. ``queue`` is the time before which it must not be tried, None: in no queue.

    ``lane`` is the account that looks after it, ``unsettled`` the fingerprint of its open submission there.
    ``tally`` is what it adds to its owner's usage: period, field, number.
    """

    queue: float | None = None
    lane: str | None = None
    unsettled: str | None = None
    bound: str | None = None
    is_collecting: bool = False
    deadline_at: float | None = None
    is_over: bool = False
    is_to_archive: bool = False
    retention_at: float | None = None
    is_live: bool = False
    tally: tuple[tuple[str, str, int], ...] = ()


NOWHERE = Placement()


def place(job: Job) -> Placement:
    """Return where ``job`` stands."""
    fingerprint = job.attempt.fingerprint if job.is_unsettled and job.attempt is not None else None
    return Placement(
        queue=job.not_before if job.phase is Phase.QUEUED else None,
        lane=job.lane,
        unsettled=fingerprint,
        bound=job.bound_id,
        is_collecting=job.phase is Phase.COLLECTING,
        deadline_at=job.deadline_at if job.deadline_at > 0 and not job.is_final else None,
        is_over=job.is_final,
        is_to_archive=job.is_final and job.obligation is None,
        retention_at=_retention_at(job),
        is_live=not job.is_final,
        tally=tuple(_tally(job)),
    )


_standing = attrgetter(
    "phase",
    "account_id",
    "attempt",
    "obligation",
    "bound_id",
    "reservation",
    "not_before",
    "deadline_at",
    "outputs",
    "expires_at",
    "deleted_at",
    "request",
)
"""Everything that ``place`` looks at."""


def _tally(job: Job) -> Iterator[tuple[str, str, int]]:
    reserved = job.reservation
    if reserved is None:
        return
    yield reserved.day, "jobs", 1
    if job.is_final:
        yield reserved.day, job.status.value, 1
    if reserved.charged:
        yield reserved.day, "units", reserved.charged
        yield reserved.day, f"units {job.request.family.value}", reserved.charged
        yield reserved.month, "units", reserved.charged


def _retention_at(job: Job) -> float | None:
    if not job.outputs:
        return None
    return job.deleted_at if job.deleted_at is not None else job.expires_at


def public_events(before: Job | None, after: Job) -> tuple[PublicEvent, ...]:
    """Return the events that the change shows to watchers: one, or none if ``seq`` stayed.

    A change of several steps at once gives one for each number, all alike, so that none is missing.
    """
    first = after.seq if before is None else before.seq + 1
    return tuple(
        PublicEvent(seq=seq, at=after.updated_at, status=after.status, percent=after.percent)
        for seq in range(first, after.seq + 1)
    )


@dataclass(slots=True)
class KeyRing:
    """The keys of one script call, each once, and their places from 1 as Lua counts."""

    names: list[str] = field(default_factory=lambda: list(keys.STATE))
    _places: dict[str, int] = field(default_factory=lambda: {name: i for i, name in enumerate(keys.STATE, 1)})

    def place(self, name: str) -> int:
        """Return the place of the key, adding it if it is new."""
        place = self._places.get(name)
        if place is None:
            self.names.append(name)
            place = self._places[name] = len(self.names)
        return place


def plan(
    before: Job | None, after: Job, ring: KeyRing, *, lease: Lease | None = None, slots: int | None = None
) -> str:
    """Return what the scripts ``change`` and ``accept`` must check and move, as JSON."""
    if before is not None and _standing(before) == _standing(after):
        old = new = NOWHERE  # only progress, most likely: 8 µs less than to compare two places
    else:
        old, new = NOWHERE if before is None else place(before), place(after)
    content: dict[str, object] = {
        "job": ring.place(keys.job(after.id)),
        "log": ring.place(keys.log(after.id)),
        "events": [encode_event(event) for event in public_events(before, after)],
        "feed_length": str(keys.FEED_LENGTH),
        "guards": [*_rights(after, lease, slots), *_uniqueness(old, new, after, ring)],
        "moves": list(moves(old, new, after, ring)),
    }
    if before is None:
        content["owner"] = ring.place(keys.owned(after.owner, after.kind))
        content["course"] = keys.course(after.signature, after.priority)
        content["base"] = keys.CLASS_BASE[after.priority]
        content["last"] = ring.place(keys.last_tags(keys.course(after.signature, after.priority)))
        content["queue"] = ring.place(keys.queue(after.signature))
        content["delayed"] = ring.place(keys.delayed(after.signature))
        content["moves"] = [
            ("ZADD", content["owner"], repr(after.created_at), after.id),
            *moves(old, new, after, ring),
        ]
    return to_json(content)


def bound_checks(jobs: Sequence[Job], bounds: Bounds, ring: KeyRing) -> list[Move]:
    """Return what the script ``accept`` compares before it takes new jobs of one owner in.

    Each: a name, how much is added, how much there may be, and the command that tells how much there is.
    """
    owner = jobs[0].owner
    taken = [job.reservation for job in jobs if job.reservation is not None]
    units = sum(reserved.units for reserved in taken)
    checks: list[Move] = []
    for name, most, period in (
        (BoundName.DAILY_UNITS, bounds.daily_units, taken[0].day if taken else ""),
        (BoundName.MONTHLY_UNITS, bounds.monthly_units, taken[0].month if taken else ""),
    ):
        if most is not None and units:  # what costs nothing is made with an empty purse too
            checks.append((name.value, units, most, "HGET", ring.place(keys.usage(owner, period)), "units"))
    for name, most, key in (
        (BoundName.CONCURRENT_JOBS, bounds.concurrent_jobs, keys.live(owner)),
        (BoundName.QUEUED_JOBS, bounds.queued_jobs, keys.live_waiting(owner)),
    ):
        if most is not None:
            checks.append((name.value, len(jobs), most, "SCARD", ring.place(key)))
    return checks


def _rights(after: Job, lease: Lease | None, slots: int | None) -> Iterator[Move]:
    if lease is not None:
        yield "lease", lease.account_id, lease.token
    if slots is not None and after.lane is not None:
        yield "slots", after.kind.value, after.lane, str(slots)


def _uniqueness(old: Placement, new: Placement, after: Job, ring: KeyRing) -> Iterator[Move]:
    if new.unsettled is not None and new.lane is not None:
        yield "twin", ring.place(keys.unsettled(new.lane)), new.unsettled, after.id
    if new.bound is not None and new.bound != old.bound:
        yield "taken", ring.place(keys.bound(new.bound)), after.id


def moves(old: Placement, new: Placement, job: Job, ring: KeyRing) -> Iterator[Move]:
    """Yield what leads from ``old`` to ``new``, leaving before entering."""
    yield from _queue_moves(old, new, job, ring)
    yield from _lane_moves(old, new, job, ring)
    yield from _member_moves(old, new, job, ring)
    if new.bound is not None and new.bound != old.bound:
        yield "SET", ring.place(keys.bound(new.bound)), job.id, "EX", str(keys.BOUND_S)
    if new.is_over and not old.is_over:
        yield "HDEL", ring.place(keys.TAGS), job.id
        yield from _event_moves(job, ring)
    yield from _owner_moves(old, new, job, ring)


def _owner_moves(old: Placement, new: Placement, job: Job, ring: KeyRing) -> Iterator[Move]:
    for key, was, now in (
        (keys.live(job.owner), old.is_live, new.is_live),
        (keys.live_waiting(job.owner), old.queue is not None, new.queue is not None),
    ):
        if was is not now:
            yield "SADD" if now else "SREM", ring.place(key), job.id
    if old.tally == new.tally:
        return
    # The buckets are the sum over all jobs of what each adds: so they move by the difference, once.
    change: Counter[tuple[str, str]] = Counter()
    for sign, tally in ((-1, old.tally), (1, new.tally)):
        for period, name, number in tally:
            change[period, name] += sign * number
    for (period, name), number in change.items():
        if number:
            yield "HINCRBY", ring.place(keys.usage(job.owner, period)), name, str(number)
    for period in sorted({period for period, _ in change}):
        yield "EXPIRE", ring.place(keys.usage(job.owner, period)), str(keys.USAGE_S)


def _event_moves(job: Job, ring: KeyRing) -> Iterator[Move]:
    if owes_event(job):
        endpoints = ring.place(keys.endpoints_of(job.owner))
        is_certain = "1" if job.request.callback is not None else "0"
        yield "owe", ring.place(keys.EVENTS_OWED), endpoints, job.id, is_certain


def _queue_moves(old: Placement, new: Placement, job: Job, ring: KeyRing) -> Iterator[Move]:
    if old.queue == new.queue:
        return
    queue, delayed = ring.place(keys.queue(job.signature)), ring.place(keys.delayed(job.signature))
    if old.queue is not None:
        yield "ZREM", queue, job.id
        yield "ZREM", delayed, job.id
    if new.queue is not None:
        yield "enqueue", queue, delayed, job.signature, job.id, repr(new.queue)
        yield "ZADD", ring.place(keys.WAITING), repr(job.created_at), job.id
    else:
        yield "ZREM", ring.place(keys.WAITING), job.id
        if new.lane is not None:
            course = keys.course(job.signature, job.priority)
            base = str(keys.CLASS_BASE[job.priority])
            yield "serve", ring.place(keys.last_tags(course)), course, base, job.id


def _lane_moves(old: Placement, new: Placement, job: Job, ring: KeyRing) -> Iterator[Move]:
    was, now = (old.lane, old.unsettled), (new.lane, new.unsettled)
    if was == now:
        return
    if old.lane is not None and old.unsettled is not None:
        yield "HDEL", ring.place(keys.unsettled(old.lane)), old.unsettled
    if old.lane != new.lane:
        if old.lane is not None:
            yield "leave", ring.place(keys.lane(old.lane)), job.kind.value, old.lane, job.id
        if new.lane is not None:
            yield "join", ring.place(keys.lane(new.lane)), job.kind.value, new.lane, job.id
    if new.lane is not None and new.unsettled is not None:
        yield "HSET", ring.place(keys.unsettled(new.lane)), new.unsettled, job.id


def _member_moves(old: Placement, new: Placement, job: Job, ring: KeyRing) -> Iterator[Move]:
    collect_old, collect_new = (0.0 if it.is_collecting else None for it in (old, new))
    for key, was, now in (
        (keys.COLLECT, collect_old, collect_new),  # due at once
        (keys.DEADLINES, old.deadline_at, new.deadline_at),
        (keys.RETENTION, old.retention_at, new.retention_at),
    ):
        if now is None and was is not None:
            yield "ZREM", ring.place(key), job.id
        elif now is not None and now != was:
            yield "ZADD", ring.place(key), repr(now), job.id
    if old.is_to_archive is not new.is_to_archive:
        yield "SADD" if new.is_to_archive else "SREM", ring.place(keys.FINALS), job.id
