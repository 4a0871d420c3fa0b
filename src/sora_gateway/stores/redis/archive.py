"""Move final jobs out of the living state, and change those that were moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sora_gateway.domain.jobs import Job
from sora_gateway.kit.clock import Now
from sora_gateway.ports.stores import Lease
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.codec import JOBS, encode_event
from sora_gateway.stores.redis.connection import Connection
from sora_gateway.stores.redis.placement import place, public_events
from sora_gateway.stores.redis.scripting import load

_COPY = load("archive_copy")
_REMOVE = load("archive_remove")
_CHANGE = load("archive_change")

_AFTER_RETENTION_S = 7 * 24 * 3600
_OLDEST_LOOKED_AT = 8


class Archive:
    """Copies first and removes then, so that a crash between leaves a job in both places, never in none.

    Readers look at the living record first; the copy is final, so both say the same to a caller.
    """

    def __init__(self, connection: Connection, now: Now) -> None:
        self._connection = connection
        self._now = now

    async def move(self, limit: int) -> int:
        """Move up to ``limit`` final jobs without obligation; return how many were moved."""
        ids = await self._connection.call("SRANDMEMBER", keys.FINALS, limit)
        if not ids:
            return 0
        reads = [("HMGET", keys.job(job_id), "v", "w", "j") for job_id in ids]
        logs = [("LRANGE", keys.log(job_id), 0, -1) for job_id in ids]
        answers = await self._connection.pipeline([*reads, *logs])
        records = [
            (job_id, record, log)
            for job_id, record, log in zip(ids, answers[: len(ids)], answers[len(ids) :], strict=True)
            if record[0] is not None
        ]
        jobs = [JOBS.decode(record[2]) for _, record, _ in records]
        await self._connection.pipeline(
            [
                # Whole, as a pipeline cannot answer "no such script" in between; it is five lines.
                ("EVAL", _COPY.text, 1, keys.archived(job.id), *record, "\n".join(log), self._keep_s(job))
                for job, (_, record, log) in zip(jobs, records, strict=True)
            ]
        )
        names = [name for job in jobs for name in (keys.job(job.id), keys.log(job.id))]
        versions = [part for job_id, record, _ in records for part in (job_id, record[0])]
        removed = await self._connection.run(_REMOVE, (keys.FINALS, keys.TAGS, *names), versions)
        await self._trim_lists(jobs)
        return int(removed)

    async def change(self, before: Job, after: Job, write_id: str, lease: Lease | None) -> Any:
        """Replace an archived job; answers as the script ``change`` does.

        Retention and feed live elsewhere and follow. A crash between leaves an earlier retention in force.
        """
        if lease is not None:
            token = await self._connection.call("HGET", keys.TOKENS, lease.account_id)
            if token != lease.token:
                return ["lost"]
        events = public_events(before, after)
        text = JOBS.encode(after)
        answer = await self._connection.run(
            _CHANGE,
            (keys.archived(after.id),),
            (write_id, before.version, after.version, text, "\n".join(map(encode_event, events))),
        )
        if answer == ["done"]:
            retention_at = place(after).retention_at
            retention: Sequence[str] = (
                ("ZREM", keys.RETENTION, after.id)
                if retention_at is None
                else ("ZADD", keys.RETENTION, repr(retention_at), after.id)
            )
            heard = (
                "XADD",
                keys.FEED,
                "MAXLEN",
                "~",
                keys.FEED_LENGTH,
                "*",
                "j",
                text,
                "p",
                int(bool(events)),
            )
            await self._connection.pipeline([retention, heard])
        return answer

    def _keep_s(self, job: Job) -> int:
        # Longer than its results, so that somebody still knows which blobs to remove.
        results_s = 0.0 if job.expires_at is None else job.expires_at - self._now() + _AFTER_RETENTION_S
        return max(keys.ARCHIVE_S, int(results_s))

    async def _trim_lists(self, jobs: Sequence[Job]) -> None:
        """Take what the archive has forgotten out of the lists of owners, a few with every move."""
        lists = sorted({keys.owned(job.owner, job.kind) for job in jobs})
        before = self._now() - keys.ARCHIVE_S
        oldest = await self._connection.pipeline(
            [("ZRANGEBYSCORE", name, "-inf", repr(before), "LIMIT", 0, _OLDEST_LOOKED_AT) for name in lists]
        )
        listed = [(name, job_id) for name, ids in zip(lists, oldest, strict=True) for job_id in ids]
        living = [("EXISTS", keys.job(job_id)) for _, job_id in listed]
        archived = [("EXISTS", keys.archived(job_id)) for _, job_id in listed]
        found = await self._connection.pipeline([*living, *archived])
        pairs = zip(listed, found[: len(listed)], found[len(listed) :], strict=True)
        await self._connection.pipeline(
            [("ZREM", name, job_id) for (name, job_id), lives, rests in pairs if not lives and not rests]
        )
