"""What a call, a change and a fleet of jobs cost store and backend is counted, and never grows unnoticed."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.__main__ import smoke
from benchmarks.samples import Count

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Count]:
    """All counts by what they are; one run serves all tests."""
    folder: Path = tmp_path_factory.mktemp("smoke")
    return {count.what: count for count in smoke(folder)}


def test_every_count_is_as_promised(counts: dict[str, Count]) -> None:
    """Calls to the store and to the backend: none more often than the goals allow."""
    assert len(counts) == 10
    assert [count for count in counts.values() if not count.is_kept] == []


def test_a_status_call_costs_what_is_promised(counts: dict[str, Count]) -> None:
    """One round trip to the store, with the place of a job that waits; the backend is not asked."""
    finished = counts["status call of a job that is finished: round trips to the store"]
    queued = counts["status call of a job that is queued: round trips to the store"]
    assert finished.detail == "hget 2"
    assert (finished.promised, queued.promised) == (1, 1)
    assert queued.detail == "hget 2, zrank 1"
    assert sum(count.counted for what, count in counts.items() if "calls to the backend" in what) == 0


def test_lists_are_asked_for_once_an_interval(counts: dict[str, Count]) -> None:
    """1,000 jobs, and 100 watchers beside: one list call for each account and interval."""
    lists = [count for what, count in counts.items() if "list and interval" in what]
    assert [count.promised for count in lists] == [1, 1]
    assert all("of 10 of 10 accounts" in count.detail for count in lists)
