"""The simulator's time and its texts."""

from __future__ import annotations

import pytest

from sora_gateway.simulator.clock import SkewedClock, from_iso, to_iso


def test_the_clock_moves_forward_only() -> None:
    """A skew adds up and is never negative."""
    clock = SkewedClock(lambda: 100.0)
    clock.advance(5)
    clock.advance(2.5)
    assert clock() == 107.5
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)


def test_iso_round_trip() -> None:
    """What is printed is read again."""
    text = to_iso(1_790_000_000.25)
    assert text == "2026-09-21T14:13:20.250000Z"
    assert from_iso(text) == 1_790_000_000.25
    with pytest.raises(ValueError, match="zone"):
        from_iso("2026-09-21T14:13:20")
