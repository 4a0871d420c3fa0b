"""Count what an account has spent in the rolling window, and print it as the balance object.

Sora web protocol, sections 3.3 (the object, the rolling 24 h window) and 11.3.
"""

from __future__ import annotations

from collections import deque
from typing import Any


class Spending:
    """The costs of one account and one purse, oldest first."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._costs: deque[tuple[float, int]] = deque()
        self._total = 0

    def charge(self, cost: int, at: float) -> None:
        """Add ``cost`` units spent at ``at``."""
        self._costs.append((at, cost))
        self._total += cost

    def spent(self, now: float) -> int:
        """Return the units spent inside the window that ends at ``now``."""
        while self._costs and self._costs[0][0] <= now - self._window_s:
            self._total -= self._costs.popleft()[1]
        return self._total

    def resets_in_s(self, now: float) -> int:
        """Return the seconds until the oldest cost leaves the window, 0 when nothing is spent."""
        self.spent(now)
        if not self._costs:
            return 0
        return max(1, int(self._costs[0][0] + self._window_s - now))


def balance(spending: Spending, quota: int, now: float) -> dict[str, Any]:
    """Return the ``rate_limit_and_credit_balance`` object."""
    remaining = max(0, quota - spending.spent(now))
    return {
        "estimated_num_videos_remaining": remaining,
        "estimated_num_purchased_videos_remaining": 0,
        "credit_remaining": 0,
        "rate_limit_reached": remaining == 0,
        "access_resets_in_seconds": spending.resets_in_s(now),
    }
