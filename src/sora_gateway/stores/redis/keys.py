"""Name every key and say how long it lives. All but archived jobs share one slot."""

from __future__ import annotations

import hashlib

from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.priorities import Priority

_DAY_S = 24 * 3600

# Lives for ever, bounded by what lives.
FEED = "{gw}:feed"  # stream of job writes, trimmed to FEED_LENGTH
TOKENS = "{gw}:lane:tokens"  # account -> token of the lane's owner
LANES = "{gw}:lanes"  # account -> end of its lease, or since when it is due
WORK = "{gw}:lane:work"  # "<account>" and "<kind> <account>" -> number of its jobs
FOREIGN = "{gw}:lane:foreign"  # account -> tasks in its list that are not ours, JSON by kind
TAGS = "{gw}:queue:tags"  # job -> its score in the queue: fair virtual time and class, until it is final
VIRTUAL = "{gw}:queue:virtual"  # course -> virtual time of the last job that was served
SIGNATURES = "{gw}:queue:signatures"  # those that may have waiting jobs
HOLDERS = "{gw}:lane:holders"  # account -> node, for people to read
STATE = (FEED, TOKENS, LANES, WORK, FOREIGN, TAGS, VIRTUAL, SIGNATURES, HOLDERS)
"""The first keys of every script on the living state, in the order the prelude expects."""

WAITING = "{gw}:waiting"  # jobs in any queue by creation time
COLLECT = "{gw}:collect"  # job -> when its files may be fetched (again)
DEADLINES = "{gw}:deadlines"  # job -> when its phase must be over
FINALS = "{gw}:finals"  # jobs to be archived
RETENTION = "{gw}:retention"  # job -> when its results are to go
LANE_COUNTER = "{gw}:lane:counter"
ACCOUNTS = "{gw}:accounts"
LICENCES = "{gw}:licences"
LICENCE_KEYS = "{gw}:licences:keys"
LICENCE_HASHES = "{gw}:licences:hashes"
EVENTS_OWED = "{gw}:events:owed"  # final jobs whose event was not made into deliveries yet, by when to look
DELIVERIES_DUE = "{gw}:deliveries:due"  # "<event> <target>" -> when to try
DELIVERIES_MADE = "{gw}:deliveries:made"  # "<event> <target>" by creation time, for DELIVERIES_S
VAULT = "{gw}:vault"
SECRETS = "{gw}:secrets"
FENCE = "{gw}:fence"  # written to learn whether replicas have what was written before

CLASS_BASE = {Priority.HIGH: -(2**40), Priority.NORMAL: 0, Priority.LOW: 2**40}
"""What the class adds to a job's virtual time: more than all units that a signature will ever serve.

A score keeps steps of 0.0003 there, and the least step, an image at the greatest weight, is 0.01.
"""

FEED_LENGTH = 10_000
BOUND_S = 2 * _DAY_S
SEEN_S = 2 * _DAY_S
LANE_FACTS_S = 30 * _DAY_S
ORPHANS_S = 30 * _DAY_S
IDEMPOTENCY_S = _DAY_S
ARCHIVE_S = 30 * _DAY_S
USAGE_S = 400 * _DAY_S
DELIVERIES_S = 30 * _DAY_S


def job(job_id: str) -> str:
    """Return the key of a living job: hash of v(ersion), w(rite ids), j(son)."""
    return f"{{gw}}:job:{job_id}"


def log(job_id: str) -> str:
    """Return the key of a living job's events: list of texts."""
    return f"{{gw}}:log:{job_id}"


def archived(job_id: str) -> str:
    """Return the key of an archived job: hash like a living one's with e(vents); gone after ARCHIVE_S."""
    return f"{{job:{job_id}}}"


def queue(signature: str) -> str:
    """Return the key of a queue: jobs by class, then by fair virtual time (see ``CLASS_BASE``)."""
    return f"{{gw}}:queue:ready:{signature}"


def delayed(signature: str) -> str:
    """Return the key of a queue's jobs that may not be tried yet, by when they may."""
    return f"{{gw}}:queue:delayed:{signature}"


def course(signature: str, priority: Priority) -> str:
    """Return the name of what has a virtual time of its own: one class of one signature."""
    return signature if priority is Priority.NORMAL else f"{signature} {priority.value}"


def last_tags(course: str) -> str:
    """Return the key of the last tag that each owner was given, as far as it is ahead of virtual time."""
    return f"{{gw}}:queue:last:{course}"


def lane(account_id: str) -> str:
    """Return the key of the set of a lane's jobs."""
    return f"{{gw}}:lane:jobs:{account_id}"


def owned(owner: str, kind: MediaKind) -> str:
    """Return the key of an owner's jobs of one kind by creation time, archived ones included."""
    return f"{{gw}}:owner:{kind.value}:{owner}"


def live(owner: str) -> str:
    """Return the key of the set of an owner's jobs that are not final."""
    return f"{{gw}}:live:{owner}"


def live_waiting(owner: str) -> str:
    """Return the key of the set of those of them that wait in a queue."""
    return f"{{gw}}:waiting:{owner}"


def usage(owner: str, period: str) -> str:
    """Return the key of what an owner's jobs of a day or a month came to, for USAGE_S after the last.

    Hash of ``units``, and for a day ``jobs``, a count of each end, and ``units <family>``.
    """
    return f"{{gw}}:usage:{period}:{owner}"


def pace(owner: str) -> str:
    """Return the key of the times of an owner's requests within the last minute: list, newest first."""
    return f"{{gw}}:pace:{owner}"


def records(room: str, part: str) -> str:
    """Return a key of a kind of records that have owners: hash id -> JSON (part ``""``), or an index.

    ``names``: name -> id, ``named``: id -> name, ``due``: ids by when their time comes.
    """
    return f"{{gw}}:{room}:{part}" if part else f"{{gw}}:{room}"


def records_of(room: str, owner: str) -> str:
    """Return the key of an owner's records of one kind by creation time."""
    return f"{{gw}}:{room}:owner:{owner}"


def endpoints_of(owner: str) -> str:
    """Return the key of an owner's webhook endpoints: whether there are some is asked when a job ends."""
    return records_of("webhooks", owner)


def deliveries(event_id: str) -> str:
    """Return the key of an event's deliveries: target -> JSON, for DELIVERIES_S."""
    return f"{{gw}}:deliveries:of:{event_id}"


def unsettled(account_id: str) -> str:
    """Return the key of the open fingerprints of an account: fingerprint -> job."""
    return f"{{gw}}:unsettled:{account_id}"


def bound(remote_id: str) -> str:
    """Return the key of a remote id that is taken: the job (``!job`` for an orphan), for BOUND_S."""
    return f"{{gw}}:bound:{remote_id}"


def seen(account_id: str) -> str:
    """Return the key of the remote ids in an account's lists by when they were first seen."""
    return f"{{gw}}:seen:{account_id}"


def lane_facts(account_id: str) -> str:
    """Return the key of what owners of a lane learned."""
    return f"{{gw}}:lane:facts:{account_id}"


def orphans(account_id: str) -> str:
    """Return the key of an account's tasks that belong to no job: remote id -> what is known, JSON."""
    return f"{{gw}}:orphans:{account_id}"


def try_of(name: str) -> str:
    """Return the key of the last try of equal requests."""
    return f"{{gw}}:try:{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"


def idempotency(scope: str, key: str) -> str:
    """Return the key of a caller's idempotency key."""
    digest = hashlib.sha256(f"{scope}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"{{gw}}:idempotency:{digest}"
