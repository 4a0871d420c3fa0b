"""What a measurement yields: rates, single figures, and counts, which are promises."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One server under one load for some seconds."""

    work: str
    connections: int
    server: str
    per_s: float
    mb_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    store_cpu_ms: float
    rss_mib: float
    grown_mib: float
    load_busy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number that is not a rate."""

    what: str
    unit: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How often something happened, and how often it may."""

    what: str
    counted: float
    promised: float
    slack: float = 0.1
    """What a node does by itself comes in bursts, and a window cuts intervals in two."""
    detail: str = ""

    @property
    def is_kept(self) -> bool:
        """Tell whether it is as promised."""
        return self.counted <= self.promised + self.slack


Sample = Rate | Figure | Count
