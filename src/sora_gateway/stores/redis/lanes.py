"""Keep who looks after which account, and what was seen there."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence

from sora_gateway.domain.media import MediaKind
from sora_gateway.ports.stores import LaneFacts, Lease, LeaseLostError, Load
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.codec import to_json
from sora_gateway.stores.redis.connection import Connection
from sora_gateway.stores.redis.scripting import load_on_state

_CLAIM = load_on_state("lane_claim")
_RENEW = load_on_state("lane_renew")
_RELEASE = load_on_state("lane_release")
_NOTE = load_on_state("lane_note")

_LONGEST_S = 60.0
"""No lane is due farther ahead than this, unless a longer lease is asked for."""
_ECHO = {None: "", False: "0", True: "1"}


class RedisLanes:
    """Implements ``ports.stores.LaneStore``. All times are the server's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def claim(self, node: str, limit: int, lease_s: float) -> Sequence[Lease]:
        """Take up to ``limit`` lanes with work that nobody holds.

        Should the answer be lost, the lanes that were taken fall due again after ``lease_s``.
        """
        args = (node, secrets.token_hex(8), limit, lease_s, max(_LONGEST_S, lease_s))
        taken = await self._connection.run(_CLAIM, (*keys.STATE, keys.LANE_COUNTER), args)
        return [Lease(account_id=taken[i], token=taken[i + 1]) for i in range(0, len(taken), 2)]

    async def renew(self, leases: Sequence[Lease], lease_s: float) -> Sequence[Lease]:
        """Renew all in one script; return those that are lost."""
        if not leases:
            return []
        args = [part for lease in leases for part in (lease.account_id, lease.token)]
        lost = set(await self._connection.run(_RENEW, keys.STATE, (lease_s, *args)))
        return [lease for lease in leases if lease.token in lost]

    async def release(self, lease: Lease) -> None:
        """Give the lane up at once; nothing happens if it has another owner."""
        await self._connection.run(_RELEASE, keys.STATE, (lease.account_id, lease.token))

    async def load(self, account_ids: Sequence[str]) -> Mapping[str, Load]:
        """Return what runs on each account, in one round trip."""
        if not account_ids:
            return {}
        fields = [f"{kind.value} {account}" for account in account_ids for kind in MediaKind]
        counts, listed = await self._connection.pipeline(
            [("HMGET", keys.WORK, *fields), ("HMGET", keys.FOREIGN, *account_ids)]
        )
        ours = dict(zip(fields, counts, strict=True))
        return {
            account: Load(
                ours={kind: int(ours[f"{kind.value} {account}"] or 0) for kind in MediaKind},
                foreign=_by_kind(foreign),
            )
            for account, foreign in zip(account_ids, listed, strict=True)
        }

    async def note_listed(
        self,
        lease: Lease,
        ids: Sequence[str],
        foreign: Mapping[MediaKind, int],
        is_marker_echoed: bool | None,
    ) -> None:
        """Record a look at the lists. Kinds that ``foreign`` leaves out, and an echo of None, stay as known.

        Raises:
            LeaseLostError: the lane has another owner.
        """
        account = lease.account_id
        listed = to_json({kind.value: tasks for kind, tasks in foreign.items()})
        answer = await self._connection.run(
            _NOTE,
            (*keys.STATE, keys.seen(account), keys.lane_facts(account)),
            (account, lease.token, listed, _ECHO[is_marker_echoed], keys.SEEN_S, keys.LANE_FACTS_S, *ids),
        )
        if answer == "lost":
            raise LeaseLostError

    async def facts(self, account_id: str) -> LaneFacts:
        """Return what earlier owners learned."""
        echo, observed_at = await self._connection.call(
            "HMGET", keys.lane_facts(account_id), "echo", "observed_at"
        )
        return LaneFacts(
            is_marker_echoed=None if echo is None else echo == "1",
            last_observed_at=None if observed_at is None else float(observed_at),
        )

    async def known(self, account_id: str, since: float) -> frozenset[str]:
        """Return the remote ids first seen before ``since``, and at most 48 h before it."""
        first, last = f"({since - keys.SEEN_S!r}", f"({since!r}"
        return frozenset(await self._connection.call("ZRANGEBYSCORE", keys.seen(account_id), first, last))

    async def owner_of(self, remote_ids: Sequence[str]) -> Mapping[str, str]:
        """Return which job each id is bound to; an orphan's is the job that it was made for."""
        if not remote_ids:
            return {}
        owners = await self._connection.call("MGET", *map(keys.bound, remote_ids))
        return {
            remote_id: owner.removeprefix(_ORPHAN)
            for remote_id, owner in zip(remote_ids, owners, strict=True)
            if owner is not None
        }

    async def orphan(self, account_id: str, remote_id: str, job_id: str, ticket: str) -> None:
        """Record a task that no job may be bound to: from now on ``change`` and ``bind`` refuse it."""
        known = to_json({"job_id": job_id, "ticket": ticket})
        orphans = keys.orphans(account_id)
        await self._connection.pipeline(
            [
                ("SET", keys.bound(remote_id), f"{_ORPHAN}{job_id}", "EX", keys.BOUND_S, "NX"),
                ("HSET", orphans, remote_id, known),
                ("EXPIRE", orphans, keys.ORPHANS_S),
            ]
        )


_ORPHAN = "!"


def _by_kind(foreign: str | None) -> dict[MediaKind, int]:
    listed = json.loads(foreign) if foreign else {}
    return {kind: int(listed.get(kind.value, 0)) for kind in MediaKind}
