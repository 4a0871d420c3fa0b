"""The sockets for state: jobs, lanes, the feed, accounts, licences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sora_gateway.domain.accounts import Account
from sora_gateway.domain.characters import Character
from sora_gateway.domain.files import StoredFile
from sora_gateway.domain.jobs import Job, Status
from sora_gateway.domain.licences import NO_BOUNDS, Bounds, Licence
from sora_gateway.domain.media import MediaKind
from sora_gateway.ports.store_facts import StoreFacts
from sora_gateway.ports.usage import UsageStore
from sora_gateway.ports.webhooks import WebhookStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to start things for an account. ``token`` is compared for equality."""

    account_id: str
    token: str


class LeaseLostError(Exception):
    """The lane has another owner by now: nothing was written, stop starting things for it."""


class TwinError(Exception):
    """Another unsettled submission of the account has the same fingerprint: nothing was written."""


class TakenError(Exception):
    """The remote id is bound to another job already: nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """A caller's promise that equal requests mean one job. ``scope`` is licence and route."""

    scope: str
    key: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """The key was used before with the same request: these are its jobs."""

    jobs: tuple[Job, ...]


class IdempotencyConflictError(Exception):
    """The key was used before with another request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A piece of a caller's list, and whether more follows."""

    jobs: tuple[Job, ...]
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicEvent:
    """One change that watchers see. ``seq`` counts from 1 without gaps within a job."""

    seq: int
    at: float
    status: Status
    percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """One write, as every node hears it. ``seq`` rose only if watchers can see the change."""

    id: str
    job: Job
    has_public_change: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The fair first of one signature's queue that may be tried now."""

    signature: str
    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What runs on an account: ours by kind (unsettled ones included) and the list's foreign tasks."""

    ours: Mapping[MediaKind, int]
    foreign: Mapping[MediaKind, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneFacts:
    """What is remembered about an account's lane across owners."""

    is_marker_echoed: bool | None
    last_observed_at: float | None


class JobStore(Protocol):
    """Jobs, their queue, their events. Every write is atomic; all times are Unix seconds.

    Raises, on every call: ``GatewayError(store_unavailable)`` when the store does not answer in time.
    """

    async def accept(
        self,
        jobs: Sequence[Job],
        *,
        cost: float,
        queue_limit: int,
        idempotency: Idempotency | None = None,
        bounds: Bounds = NO_BOUNDS,
    ) -> tuple[Job, ...] | Replayed:
        """Store new jobs of one owner, put them into their signature's queue by fair virtual time.

        All or none. Repeating the call with the same ids gives the same result without a second copy. What
        they reserve is counted in the same script, against ``bounds`` first; a replay reserves nothing.

        Raises:
            BoundReachedError: the owner has too many jobs, or too few units left.
            GatewayError(queue_full): ``queue_limit`` jobs wait already.
            IdempotencyConflictError: see there.
        """
        ...

    async def replayed(self, idempotency: Idempotency) -> Replayed | None:
        """Return the jobs that the key was used for already, None if it was not.

        Raises:
            IdempotencyConflictError: see there.
        """
        ...

    async def try_of(self, name: str, fresh: str, *, is_repeat: bool, keep_s: float) -> str:
        """Return the id of the try that a request belongs to, kept for ``keep_s``.

        A first request begins a try of its own, ``fresh``. A repeated one belongs to the last try of that
        ``name`` that is not over, and begins one where there is none.
        """
        ...

    async def end_try(self, name: str, try_id: str) -> None:
        """Forget the try, unless another one of that name has begun since."""
        ...

    async def get(self, job_id: str) -> Job | None:
        """Return the job, live or archived. One round trip."""
        ...

    async def queue_position(self, job: Job) -> int | None:
        """Return its place in its queue from 1, None when it does not wait."""
        ...

    async def look(self, job_id: str) -> tuple[Job, int | None] | None:
        """Return the job and its ``queue_position``: one round trip, two where a job is new to this node."""
        ...

    async def page(
        self, owner: str, *, after: str | None, limit: int, ascending: bool, kind: MediaKind
    ) -> Page | None:
        """Return the owner's jobs of ``kind`` by (creation time, id), tombstones left out.

        None: ``after`` is not one of the owner's jobs.
        """
        ...

    async def change(
        self, job_id: str, decide: Callable[[Job], Job], *, lease: Lease | None = None
    ) -> tuple[Job, Job]:
        """Apply ``decide`` to the current job and store the answer if nothing came between; else repeat.

        Returns the job before and after. ``decide`` is pure and may be called several times; returning its
        argument means no write. Queue, lane, collect set, deadlines, bound ids, unsettled fingerprints, the
        owner's counts and units, the job's events and the feed follow from the job in the same script.

        Raises:
            GatewayError(not_found): no such job.
            LeaseLostError: ``lease`` was given and is not the lane's current one.
            TwinError, TakenError: see there.
        """
        ...

    async def heads(self, limit: int) -> Sequence[Head]:
        """Return the first waiting jobs of each signature, at most ``limit`` of each.

        Those of a higher class come before all of a lower one; within a class and signature it is fair.
        """
        ...

    async def bind(
        self, job_id: str, decide: Callable[[Job], Job], account_id: str, slots: int
    ) -> Job | None:
        """Apply ``decide`` (a ``Bound``) if the job still waits and the account has a free slot of its kind.

        Free = ``slots`` − our jobs of that kind in its lane − foreign unfinished tasks. None: lost the race.
        """
        ...

    async def events_after(self, job_id: str, seq: int) -> Sequence[PublicEvent]:
        """Return the job's events with a higher ``seq``, oldest first, as far as they are kept."""
        ...

    async def lane_jobs(self, account_id: str) -> Sequence[Job]:
        """Return all jobs whose ``lane`` is the account."""
        ...

    async def claim_collects(self, limit: int, lease_s: float) -> Sequence[str]:
        """Take due jobs of the collect set and postpone them by ``lease_s``."""
        ...

    async def postpone_collect(self, job_id: str, delay_s: float) -> None:
        """Make the job due again after ``delay_s`` (renews a lease, or spaces tries)."""
        ...

    async def due_deadlines(self, limit: int) -> Sequence[str]:
        """Return ids of jobs whose deadline has passed, by store time."""
        ...

    async def archive(self, limit: int) -> int:
        """Move final jobs without obligation out of the living state; return how many were moved."""
        ...

    async def expired(self, limit: int) -> Sequence[Job]:
        """Return completed jobs whose results are past ``expires_at`` or deleted and still hold blobs."""
        ...

    async def forget_blobs(self, job_id: str) -> None:
        """Record that the blobs of an expired or deleted job are gone from the vault."""
        ...


class LaneStore(Protocol):
    """Who looks after which account."""

    async def claim(self, node: str, limit: int, lease_s: float) -> Sequence[Lease]:
        """Take up to ``limit`` lanes with work that nobody holds (never held, released, or run out)."""
        ...

    async def renew(self, leases: Sequence[Lease], lease_s: float) -> Sequence[Lease]:
        """Renew all in one script; return those that are lost."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give the lane up at once: due now if it has work, forgotten otherwise."""
        ...

    async def load(self, account_ids: Sequence[str]) -> Mapping[str, Load]:
        """Return what runs on each account."""
        ...

    async def note_listed(
        self,
        lease: Lease,
        ids: Sequence[str],
        foreign: Mapping[MediaKind, int],
        is_marker_echoed: bool | None,
    ) -> None:
        """Record a look at the lists: ids seen (first time wins, kept 48 h), foreign tasks, the echo."""
        ...

    async def facts(self, account_id: str) -> LaneFacts:
        """Return what earlier owners learned."""
        ...

    async def known(self, account_id: str, since: float) -> frozenset[str]:
        """Return the remote ids first seen in the account's lists before ``since``, within 48 h."""
        ...

    async def owner_of(self, remote_ids: Sequence[str]) -> Mapping[str, str]:
        """Return which job each id is bound to, kept 48 h; unbound ids are left out."""
        ...

    async def orphan(self, account_id: str, remote_id: str, job_id: str, ticket: str) -> None:
        """Record a task that no job may be bound to."""
        ...


class Feed(Protocol):
    """Every write of jobs, in order, for all nodes."""

    async def last_id(self) -> str:
        """Return the id of the newest entry, ``"0-0"`` for none."""
        ...

    async def verify(self, entry_id: str) -> None:
        """Return if the store still knows the entry, or has trimmed it away in order.

        Raises:
            FeedRegressedError: it does not: the store lost writes that it had confirmed.
            FeedReplacedError: it is not known whether it lost some.
        """
        ...

    async def read(self, after: str, *, block_s: float) -> Sequence[FeedEntry]:
        """Return the entries after ``after``, waiting up to ``block_s`` for the first; empty: none came.

        Raises:
            FeedTrimmedError: entries after ``after`` were trimmed away; reload what you hold.
            FeedRegressedError: ``after`` is newer than the newest entry: the store lost writes.
        """
        ...


class FeedTrimmedError(Exception):
    """The reader fell too far behind."""


class FeedRegressedError(FeedTrimmedError):
    """The store went back in time: what was confirmed since may be unknown to it."""


class FeedReplacedError(FeedRegressedError):
    """Another server has the store's place, or it was started anew: what was confirmed last may be lost."""


class AccountStore(Protocol):
    """Upstream accounts; credentials are encrypted before they leave the process."""

    async def put(self, account: Account) -> None:
        """Add the account or replace it whole."""
        ...

    async def add(self, account: Account) -> Account:
        """Add the account unless there is one of its id; return the one that is stored."""
        ...

    async def get(self, account_id: str) -> Account | None:
        """Return it."""
        ...

    async def all(self) -> Sequence[Account]:
        """Return all, oldest first."""
        ...

    async def change(self, account_id: str, decide: Callable[[Account], Account]) -> Account | None:
        """Apply ``decide`` by compare-and-set, repeating on conflict; None: no such account."""
        ...

    async def remove(self, account_id: str) -> bool:
        """Remove it; tell whether it was there."""
        ...


class LicenceStore(Protocol):
    """Licence keys, found by hash."""

    async def put(self, licence: Licence, key_hash: str) -> None:
        """Add or replace it; if it had another key, that one opens nothing any more."""
        ...

    async def change(
        self, licence_id: str, decide: Callable[[Licence], Licence], *, key_hash: str | None = None
    ) -> Licence | None:
        """Apply ``decide`` by compare-and-set, repeating on conflict; None: no such licence.

        With ``key_hash`` it gets a new key; the one before opens it until ``old_key_until``, an older one
        nothing any more.
        """
        ...

    async def by_hash(self, key_hash: str) -> Licence | None:
        """Return the licence of a key."""
        ...

    async def get(self, licence_id: str) -> Licence | None:
        """Return it by id."""
        ...

    async def all(self) -> Sequence[Licence]:
        """Return all, oldest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CharacterPage:
    """A piece of a caller's characters, and whether more follows."""

    characters: tuple[Character, ...]
    has_more: bool


class CharacterStore(Protocol):
    """Characters of callers, kept until they are removed. Usernames are unique and lower-case."""

    async def put(self, character: Character) -> None:
        """Add it or replace it whole; found by id, by owner and, once it has one, by username."""
        ...

    async def get(self, character_id: str) -> Character | None:
        """Return it."""
        ...

    async def named(self, usernames: Sequence[str]) -> Mapping[str, Character]:
        """Return those of ``usernames`` that are characters of anybody here, in one round trip."""
        ...

    async def page(
        self, owner: str, *, after: str | None, limit: int, ascending: bool
    ) -> CharacterPage | None:
        """Return the owner's by (creation time, id); None: ``after`` is not one of them."""
        ...

    async def remove(self, character_id: str) -> bool:
        """Remove it; tell whether it was there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePage:
    """A piece of a caller's files, and whether more follows."""

    files: tuple[StoredFile, ...]
    has_more: bool


class FileStore(Protocol):
    """Records of uploaded files; the bytes lie in the vault."""

    async def put(self, file: StoredFile) -> None:
        """Add it."""
        ...

    async def get(self, file_id: str) -> StoredFile | None:
        """Return it."""
        ...

    async def page(self, owner: str, *, after: str | None, limit: int, ascending: bool) -> FilePage | None:
        """Return the owner's by (creation time, id); None: ``after`` is not one of them."""
        ...

    async def remove(self, file_id: str) -> bool:
        """Remove it; tell whether it was there."""
        ...

    async def expired(self, limit: int) -> Sequence[StoredFile]:
        """Return files past ``expires_at`` by store time."""
        ...


class Store(Protocol):
    """Everything that is kept, behind one connection."""

    jobs: JobStore
    lanes: LaneStore
    feed: Feed
    accounts: AccountStore
    licences: LicenceStore
    usage: UsageStore
    characters: CharacterStore
    files: FileStore
    webhooks: WebhookStore

    async def ping(self) -> None:
        """Answer, or raise ``GatewayError(store_unavailable)``."""
        ...

    async def time(self) -> float:
        """Return the store's clock as Unix seconds: leases, deadlines and first sights are told by it."""
        ...

    async def facts(self) -> StoreFacts:
        """Say what the server is and keeps."""
        ...

    async def register_vault(self, vault_id: str) -> str:
        """Record the first vault that joins; return the one on record."""
        ...

    async def secret(self, name: str, make: Callable[[], str]) -> str:
        """Return the named secret of this installation, made on first use, the same for all nodes."""
        ...

    async def old_secrets(self) -> int:
        """Return how many records cannot be read without an earlier secret key."""
        ...

    async def rekey(self) -> int:
        """Encrypt those records with the present key; return how many there were. It may be repeated.

        Raises:
            GatewayError(internal): one was written with a key that is not there.
        """
        ...
