"""Name the days and months that units are counted by, all in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def day_of(at_s: float) -> str:
    """Return the day of a time: ``2026-11-22``."""
    return f"{_at(at_s):%Y-%m-%d}"


def month_of(at_s: float) -> str:
    """Return the month of a time: ``2026-11``."""
    return f"{_at(at_s):%Y-%m}"


def last_days(now_s: float, count: int) -> tuple[str, ...]:
    """Return ``count`` days up to today, oldest first."""
    return tuple(f"{_at(now_s) - timedelta(days=back):%Y-%m-%d}" for back in reversed(range(count)))


def next_day_at(now_s: float) -> float:
    """Return when the next day begins."""
    return (_midnight(now_s) + timedelta(days=1)).timestamp()


def next_month_at(now_s: float) -> float:
    """Return when the next month begins."""
    return (_midnight(now_s).replace(day=1) + timedelta(days=32)).replace(day=1).timestamp()


def utc(at_s: float) -> str:
    """Return a time as people and programs read it: ``2026-11-22T00:00:00Z``."""
    return f"{_at(at_s):%Y-%m-%dT%H:%M:%SZ}"


def _midnight(at_s: float) -> datetime:
    return _at(at_s).replace(hour=0, minute=0, second=0, microsecond=0)


def _at(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
