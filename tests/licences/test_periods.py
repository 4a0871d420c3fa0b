"""Periods: days and months in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sora_gateway.licences.periods import day_of, last_days, month_of, next_day_at, next_month_at, utc


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("now", "day", "month", "next_day", "next_month"),
    [
        ("2026-11-22T15:00:00", "2026-11-22", "2026-11", "2026-11-23T00:00:00Z", "2026-12-01T00:00:00Z"),
        ("2026-12-31T23:59:59", "2026-12-31", "2026-12", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2027-01-31T00:00:00", "2027-01-31", "2027-01", "2027-02-01T00:00:00Z", "2027-02-01T00:00:00Z"),
        ("2028-02-29T12:00:00", "2028-02-29", "2028-02", "2028-03-01T00:00:00Z", "2028-03-01T00:00:00Z"),
    ],
)
def test_periods(now: str, day: str, month: str, next_day: str, next_month: str) -> None:
    """Each time lies in one day and one month, which end when the next begins."""
    now_s = at(now)
    assert (day_of(now_s), month_of(now_s)) == (day, month)
    assert (utc(next_day_at(now_s)), utc(next_month_at(now_s))) == (next_day, next_month)


def test_last_days() -> None:
    """Oldest first, today last, over the end of a year."""
    assert last_days(at("2027-01-01T01:00:00"), 3) == ("2026-12-30", "2026-12-31", "2027-01-01")
