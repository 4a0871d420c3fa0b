"""The rolling window and the balance object (Sora web protocol, sections 3.3 and 11.3)."""

from __future__ import annotations

from sora_gateway.simulator.quota import Spending, balance


def test_the_window_rolls() -> None:
    """A cost counts for the window's length from its own moment."""
    spending = Spending(100)
    spending.charge(2, at=0)
    spending.charge(3, at=50)
    assert [spending.spent(now) for now in (50, 99, 100, 149, 150)] == [5, 5, 3, 3, 0]


def test_balance() -> None:
    """Remaining never falls below zero; the reset is that of the oldest cost."""
    spending = Spending(100)
    assert balance(spending, 4, 0)["access_resets_in_seconds"] == 0
    spending.charge(3, at=10)
    assert balance(spending, 4, 20) == {
        "estimated_num_videos_remaining": 1,
        "estimated_num_purchased_videos_remaining": 0,
        "credit_remaining": 0,
        "rate_limit_reached": False,
        "access_resets_in_seconds": 90,
    }
    assert balance(spending, 2, 20)["estimated_num_videos_remaining"] == 0
    assert balance(spending, 2, 20)["rate_limit_reached"]
