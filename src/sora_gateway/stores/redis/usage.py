"""Count requests, and tell what the jobs of an owner came to; the scripts on jobs keep those numbers."""

from __future__ import annotations

from collections.abc import Sequence

from sora_gateway.domain.jobs import Status
from sora_gateway.ports.usage import DayUsage, Pace
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.connection import Connection
from sora_gateway.stores.redis.scripting import load

_PACE = load("pace")
_OF_MODEL = "units "


class RedisUsage:
    """Implements ``ports.usage.UsageStore``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def take_request(self, owner: str, per_minute: int, *, is_counted: bool = True) -> Pace:
        """Count a request unless ``per_minute`` were made within the last 60 s. One round trip."""
        args = (per_minute, int(is_counted))
        is_allowed, count, first_us, last_us = await self._connection.run(_PACE, (keys.pace(owner),), args)
        remaining = max(0, per_minute - count)
        return Pace(
            is_allowed=bool(is_allowed),
            limit=per_minute,
            remaining=remaining,
            reset_s=max(0, last_us) / 1e6,
            retry_after_s=0.0 if remaining else max(0, first_us) / 1e6,
        )

    async def days(self, owner: str, dates: Sequence[str]) -> Sequence[DayUsage]:
        """Return the owner's usage of each date. One round trip."""
        commands = [("HGETALL", keys.usage(owner, date)) for date in dates]
        found = await self._connection.pipeline(commands)
        return [_day(date, counts) for date, counts in zip(dates, found, strict=True)]

    async def units(self, owner: str, periods: Sequence[str]) -> Sequence[int]:
        """Return the units charged to the owner in each period. One round trip."""
        commands = [("HGET", keys.usage(owner, period), "units") for period in periods]
        return [int(text or 0) for text in await self._connection.pipeline(commands)]


def _day(date: str, counts: dict[str, str]) -> DayUsage:
    by_model = {
        name.removeprefix(_OF_MODEL): int(number)
        for name, number in sorted(counts.items())
        if name.startswith(_OF_MODEL) and int(number)
    }
    return DayUsage(
        date=date,
        jobs=int(counts.get("jobs", 0)),
        completed=int(counts.get(Status.COMPLETED, 0)),
        failed=int(counts.get(Status.FAILED, 0)),
        cancelled=int(counts.get(Status.CANCELLED, 0)),
        units=int(counts.get("units", 0)),
        by_model=by_model,
    )
