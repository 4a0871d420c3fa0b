"""Count what happens, for Prometheus.

The registry is our own: nothing but what stands here is shown, and tests see no leftovers of others.
"""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

__all__ = [
    "ACCEPTED",
    "CONTENT_TYPE",
    "HTTP_REQUESTS",
    "HTTP_SECONDS",
    "JOBS_ENDED",
    "REGISTRY",
    "UPSTREAM_CALLS",
    "WEBHOOK_POSTS",
    "render",
]

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


def render() -> bytes:
    """Return the page that Prometheus reads; its type is ``CONTENT_TYPE``."""
    return generate_latest(REGISTRY)
