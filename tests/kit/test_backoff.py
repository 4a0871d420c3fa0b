"""Back-off: how long to wait stays within its bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_gateway.kit.backoff import backoff_s


@given(st.integers(-5, 10**6), st.floats(0.001, 100), st.floats(0.001, 1000), st.floats(0, 1))
def test_bounds(attempt: int, base_s: float, cap_s: float, jitter: float) -> None:
    """Never above the cap nor negative, and at most ``jitter`` below the full time."""
    full = min(cap_s, base_s * 2.0 ** (min(max(attempt, 1), 30) - 1))
    assert full * (1 - jitter) <= backoff_s(attempt, base_s=base_s, cap_s=cap_s, jitter=jitter) <= full


@pytest.mark.parametrize(("attempt", "expected_s"), [(1, 0.5), (2, 1.0), (3, 2.0), (5, 8.0), (6, 8.0)])
def test_doubles_up_to_the_cap(attempt: int, expected_s: float) -> None:
    """Without jitter the times are plain."""
    assert backoff_s(attempt, base_s=0.5, cap_s=8.0, jitter=0.0) == expected_s
