"""Show what was used."""

from __future__ import annotations

from collections.abc import Sequence

from sora_gateway.domain.licences import Bounds
from sora_gateway.licences.periods import next_day_at, next_month_at
from sora_gateway.ports.usage import DayUsage
from sora_gateway.surfaces.openai.usage.wire import Allowance, Day, Usage


def render_usage(days: Sequence[DayUsage], units: Sequence[int], bounds: Bounds, now_s: float) -> Usage:
    """Return the list of days, with the quotas; ``units`` are those of this day and of this month."""
    today, month = units
    return {
        "object": "list",
        "data": [_day(day) for day in days],
        "quota": {
            "daily": _allowance(bounds.daily_units, today, next_day_at(now_s)),
            "monthly": _allowance(bounds.monthly_units, month, next_month_at(now_s)),
        },
    }


def _day(day: DayUsage) -> Day:
    return {
        "date": day.date,
        "jobs": day.jobs,
        "completed": day.completed,
        "failed": day.failed,
        "cancelled": day.cancelled,
        "units": day.units,
        "by_model": dict(day.by_model),
    }


def _allowance(limit: int | None, used: int, resets_at: float) -> Allowance:
    remaining = None if limit is None else max(0, limit - used)
    return {"limit": limit, "used": used, "remaining": remaining, "resets_at": int(resets_at)}
