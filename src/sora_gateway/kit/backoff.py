"""Compute how long to wait before the next try."""

from __future__ import annotations

import random


def backoff_s(attempt: int, *, base_s: float, cap_s: float, jitter: float = 0.25) -> float:
    """Return ``base_s * 2**(attempt-1)`` capped at ``cap_s``, less up to ``jitter`` of itself at random.

    ``attempt`` counts from 1.
    """
    full = min(cap_s, base_s * 2.0 ** max(0, min(attempt, 30) - 1))
    return full * (1 - jitter * random.random())  # noqa: S311 - spreads load, protects nothing
