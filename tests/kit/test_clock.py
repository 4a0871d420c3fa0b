"""Clocks: wall and boot time."""

from __future__ import annotations

from sora_gateway.kit.clock import boottime, system_now


def test_wall_clock_is_unix_time() -> None:
    """Seconds since 1970, of this decade or later."""
    assert system_now() > 1_700_000_000


def test_boottime_never_goes_back() -> None:
    """It can be compared with itself."""
    readings = [boottime() for _ in range(100)]
    assert readings == sorted(readings)
    assert readings[0] > 0
