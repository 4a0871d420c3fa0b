"""Write samples as Markdown: medians over the rounds, and ratios of what was measured side by side."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from benchmarks.samples import Count, Figure, Rate, Sample
from benchmarks.site import GATEWAY, LITELLM, NGINX, PLAIN

_BUSY = 0.9
_SERVERS = (GATEWAY, PLAIN, NGINX, LITELLM)


def report(facts: Sequence[str], rounds: Sequence[Sequence[Sample]]) -> str:
    """Return the whole text."""
    counts = [sample for samples in rounds for sample in samples if isinstance(sample, Count)]
    rates = [[sample for sample in samples if isinstance(sample, Rate)] for samples in rounds]
    figures = [[sample for sample in samples if isinstance(sample, Figure)] for samples in rounds]
    parts = ["\n".join(f"- {fact}" for fact in facts)]
    if counts:
        parts.append(_counts(counts))
    if any(rates):
        parts.append(_rates(rates))
    if any(figures):
        parts.append(_figures(figures))
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; the first column is text, the rest are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float) -> str:
    """Return three figures that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _counts(counts: Sequence[Count]) -> str:
    """Show each count once, by the worst of its rounds."""
    worst: dict[str, Count] = {}
    for count in counts:
        if count.what not in worst or count.counted > worst[count.what].counted:
            worst[count.what] = count
    lines = [["count", "counted", "promised", "of which"], ["---", "---:", "---:", "---"]]
    lines += [_count_row(count) for count in worst.values()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _count_row(count: Count) -> list[str]:
    counted = f"{count.counted:.2f}" + ("" if count.is_kept else " **broken**")
    return [count.what, counted, f"{count.promised:g}", count.detail]


def _rates(rounds: Sequence[Sequence[Rate]]) -> str:
    head = (
        "work, connections, server",
        "per s",
        "MB/s",
        "p50 ms",
        "p99 ms",
        "CPU ms each",
        "store CPU ms each",
        "resident MiB",
        "grown by MiB, at most",
        "load busy",
        "gateway : peer, rate",
        "gateway : peer, CPU",
    )
    seen = [(rate.work, rate.connections, rate.server) for rates in rounds for rate in rates]
    works = list(dict.fromkeys(work for work, _, _ in seen))
    keys = sorted(set(seen), key=lambda key: (works.index(key[0]), key[1], _SERVERS.index(key[2])))
    return table(head, [_rate_row(rounds, *key) for key in keys])


def _rate_row(rounds: Sequence[Sequence[Rate]], work: str, connections: int, server: str) -> tuple[str, ...]:
    def of(name: str) -> dict[int, Rate]:
        wanted = (work, connections, name)
        return {
            turn: rate
            for turn, rates in enumerate(rounds)
            for rate in rates
            if (rate.work, rate.connections, rate.server) == wanted
        }

    mine, ours = of(server), of(GATEWAY)
    values = list(mine.values())

    def middle(name: str) -> float:
        return median(float(getattr(rate, name)) for rate in values)

    def ratio(name: str) -> str:
        if server == GATEWAY:
            return ""
        pairs = [(ours[turn], rate) for turn, rate in mine.items() if turn in ours and getattr(rate, name)]
        if not pairs:
            return ""
        return f"{median(getattr(our, name) / getattr(their, name) for our, their in pairs):.2f}"

    busy = middle("load_busy")
    is_limit = busy > _BUSY and server != GATEWAY
    return (
        f"{work}, {connections}, {server}",
        number(middle("per_s")),
        number(middle("mb_per_s")),
        number(middle("p50_ms")),
        number(middle("p99_ms")),
        f"{middle('cpu_ms'):.3f}",
        f"{middle('store_cpu_ms'):.3f}",
        f"{middle('rss_mib'):.0f}",
        f"{max(rate.grown_mib for rate in values):.1f}",
        f"{busy:.0%}" + (" (the limit)" if is_limit else ""),
        ratio("per_s"),
        ratio("cpu_ms"),
    )


def _figures(rounds: Sequence[Sequence[Figure]]) -> str:
    found: dict[tuple[str, str], list[float]] = {}
    for figures in rounds:
        for figure in figures:
            found.setdefault((figure.what, figure.unit), []).append(figure.value)
    rows = [
        (
            what,
            f"{number(_middle(what, values))} {unit}".strip(),
            f"{number(min(values))} to {number(max(values))}",
        )
        for (what, unit), values in found.items()
    ]
    return table(("figure", "median", "all rounds"), rows)


def _middle(what: str, values: list[float]) -> float:
    return max(values) if "largest of the rounds" in what else median(values)
