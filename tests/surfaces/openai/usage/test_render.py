"""How usage is shown."""

from __future__ import annotations

from sora_gateway.domain.licences import NO_BOUNDS, Bounds
from sora_gateway.ports.usage import DayUsage
from sora_gateway.surfaces.openai.usage.render import render_usage

NOW_S = 1_795_348_800.0  # 2026-11-22 12:00:00 UTC
DAY = DayUsage(date="2026-11-22", jobs=3, completed=2, failed=1, units=2, by_model={"sora_video2": 2})


def test_usage() -> None:
    """Days as they are, quotas with what is left; one that was lowered below its use leaves nothing."""
    shown = render_usage([DAY], (2, 9), Bounds(daily_units=10, monthly_units=5), NOW_S)
    assert shown["data"] == [
        {
            "date": "2026-11-22",
            "jobs": 3,
            "completed": 2,
            "failed": 1,
            "cancelled": 0,
            "units": 2,
            "by_model": {"sora_video2": 2},
        }
    ]
    assert shown["quota"] == {
        "daily": {"limit": 10, "used": 2, "remaining": 8, "resets_at": 1_795_392_000},
        "monthly": {"limit": 5, "used": 9, "remaining": 0, "resets_at": 1_796_083_200},
    }


def test_without_quotas() -> None:
    """Null where there is no limit."""
    daily = render_usage([], (2, 9), NO_BOUNDS, NOW_S)["quota"]["daily"]
    assert (daily["limit"], daily["used"], daily["remaining"]) == (None, 2, None)
