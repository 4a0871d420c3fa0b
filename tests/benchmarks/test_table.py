"""What was measured is shown as medians, ratios of what ran side by side, and counts that were broken."""

from __future__ import annotations

from benchmarks.samples import Count, Figure, Rate
from benchmarks.table import number, report


def rate(server: str, per_s: float, cpu_ms: float) -> Rate:
    """A rate of which two numbers matter."""
    return Rate(
        work="status",
        connections=1,
        server=server,
        per_s=per_s,
        mb_per_s=1.0,
        p50_ms=1.0,
        p99_ms=2.0,
        cpu_ms=cpu_ms,
        store_cpu_ms=0.1,
        rss_mib=50.0,
        grown_mib=0.0,
        load_busy=0.5,
    )


def test_ratios_are_taken_within_a_round() -> None:
    """A machine that slows down between rounds slows both, and the ratio stays."""
    rounds = [
        [rate("gateway", 1000.0, 1.0), rate("LiteLLM", 100.0, 10.0)],
        [rate("gateway", 100.0, 10.0), rate("LiteLLM", 10.0, 100.0)],
    ]
    text = report(["a fact"], rounds)
    assert "- a fact" in text
    (line,) = [line for line in text.splitlines() if "LiteLLM" in line]
    assert line.endswith("| 10.00 | 0.10 |")


def test_a_peer_that_was_not_there_has_no_ratio() -> None:
    """A workload of the gateway alone is a row like any other."""
    text = report([], [[rate("gateway", 1000.0, 1.0)]])
    (line,) = [line for line in text.splitlines() if "status" in line and "gateway" in line]
    assert line.endswith("|  |  |")


def test_a_broken_count_is_marked_by_its_worst_round() -> None:
    """One round that kept the promise does not hide one that broke it."""
    counts = [Count(what="calls", counted=counted, promised=1) for counted in (1.0, 2.0, 1.0)]
    text = report([], [[count] for count in counts])
    (line,) = [line for line in text.splitlines() if "calls" in line]
    assert "2.00 **broken**" in line


def test_figures_show_their_median_and_range() -> None:
    """The median and what lay around it."""
    rounds = [[Figure(what="start", unit="ms", value=value)] for value in (3.0, 1.0, 20.0)]
    assert "| start | 3.00 ms | 1.00 to 20.0 |" in report([], rounds)


def test_numbers_have_three_figures() -> None:
    """No more is known of them."""
    assert [number(value) for value in (0.123, 12.34, 1234.5)] == ["0.12", "12.3", "1,234"]
