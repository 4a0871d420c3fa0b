"""What a status call costs the store and the backend is counted, and never grows unnoticed."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.__main__ import smoke

pytestmark = pytest.mark.slow


def test_a_status_call_costs_what_is_promised(tmp_path: Path) -> None:
    """One round trip to the store, one more while the job waits (its place); the backend is not asked."""
    counts = {count.state: count for count in smoke(tmp_path)}
    assert set(counts) == {"finished", "queued"}
    assert [count for count in counts.values() if not count.is_kept] == []
    assert counts["finished"].commands == {"hget": 2.0}
    assert counts["queued"].round_trips == pytest.approx(2.0, abs=0.1)
    assert all(count.upstream_calls == 0 for count in counts.values())
