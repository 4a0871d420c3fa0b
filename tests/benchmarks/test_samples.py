"""A count is a promise, with as much slack as its window needs."""

from __future__ import annotations

import pytest
from benchmarks.samples import Count


@pytest.mark.parametrize(("counted", "is_kept"), [(0.5, True), (1.0, True), (1.1, True), (1.2, False)])
def test_a_count_is_kept_up_to_its_slack(counted: float, is_kept: bool) -> None:
    """Less than promised is fine, more than the slack is not."""
    assert Count(what="calls", counted=counted, promised=1).is_kept is is_kept
