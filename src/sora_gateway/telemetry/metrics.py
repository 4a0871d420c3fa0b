"""Count what happens, for Prometheus.

The registry is our own: nothing but what stands here is shown, and tests see no leftovers of others.

Several workers on one address share a folder of counters, so that each shows the counts of all. They must be
started with ``MULTIPROCESS`` in their environment: the library looks there once, when it is imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

__all__ = [
    "ACCEPTED",
    "CONTENT_TYPE",
    "HTTP_REQUESTS",
    "HTTP_SECONDS",
    "JOBS_ENDED",
    "MULTIPROCESS",
    "REGISTRY",
    "UPSTREAM_CALLS",
    "WEBHOOK_POSTS",
    "count_end",
    "forget",
    "render",
    "share",
]

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder of the workers' counters."""

REGISTRY = CollectorRegistry(auto_describe=True)

ACCEPTED = Counter(
    "sora_gateway_jobs_accepted",
    "Jobs accepted by this node, by what they make and model family.",
    ["kind", "family"],
    registry=REGISTRY,
)
JOBS_ENDED = Counter(
    "sora_gateway_jobs_ended",
    "Jobs that ended on any node while this one listened, by kind, status and error code (empty: none).",
    ["kind", "status", "code"],
    registry=REGISTRY,
)
UPSTREAM_CALLS = Counter(
    "sora_gateway_upstream_calls",
    "Calls to backends, by backend, route template and outcome (the HTTP status, or no_answer).",
    ["upstream", "route", "outcome"],
    registry=REGISTRY,
)
WEBHOOK_POSTS = Counter(
    "sora_gateway_webhook_posts",
    "Tries to deliver an event by this node, by outcome (the HTTP status, or no_answer).",
    ["outcome"],
    registry=REGISTRY,
)
HTTP_REQUESTS = Counter(
    "sora_gateway_http_requests",
    "Requests answered, by method, route template and status.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
HTTP_SECONDS = Histogram(
    "sora_gateway_http_request_seconds",
    "Time from a request to the first byte of its answer, by route template.",
    ["route"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 300.0),
    registry=REGISTRY,
)


@dataclass(slots=True)
class _Sharing:
    """Whether this process is one of several: their folder, and whether it counts what all of them see."""

    folder: Path | None = None
    counts_ends: bool = True


_sharing = _Sharing()


def share(folder: Path, *, counts_ends: bool) -> None:
    """Show from now on what all workers with this folder counted, and how many of them live.

    Every worker sees the end of every job: ``counts_ends`` is for one of them.
    """
    _sharing.folder, _sharing.counts_ends = folder, counts_ends
    workers = Gauge(
        "sora_gateway_workers",
        "Processes that serve on this address.",
        multiprocess_mode="livesum",
        registry=REGISTRY,
    )
    workers.set(1)


def forget(pid: int, folder: Path) -> None:
    """Take a dead worker's gauges away; what it counted stays."""
    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


def count_end(kind: str, status: str, code: str) -> None:
    """Count a job that ended, unless another worker does."""
    if _sharing.counts_ends:
        JOBS_ENDED.labels(kind, status, code).inc()


def render() -> bytes:
    """Return the page that Prometheus reads; its type is ``CONTENT_TYPE``."""
    if _sharing.folder is None:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(_sharing.folder))  # type: ignore[no-untyped-call]
    return generate_latest(registry)
