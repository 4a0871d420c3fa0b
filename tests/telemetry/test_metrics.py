"""Metrics: named, documented, on a registry of our own."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from sora_gateway.telemetry.metrics import (
    ACCEPTED,
    CONTENT_TYPE,
    HTTP_REQUESTS,
    HTTP_SECONDS,
    JOBS_ENDED,
    REGISTRY,
    UPSTREAM_CALLS,
    render,
)


def test_page() -> None:
    """What was counted stands on the page, in the format that its type names."""
    labels = {"kind": "video", "family": "sora_video2"}
    before = REGISTRY.get_sample_value("sora_gateway_jobs_accepted_total", labels) or 0.0
    ACCEPTED.labels(**labels).inc()
    JOBS_ENDED.labels(kind="video", status="completed", code="").inc()
    UPSTREAM_CALLS.labels(upstream="sora_web", route="nf/create", outcome="200").inc()
    HTTP_REQUESTS.labels(method="POST", route="/v1/videos", status="200").inc()
    HTTP_SECONDS.labels(route="/v1/videos").observe(0.01)
    families = {family.name: family for family in text_string_to_metric_families(render().decode())}
    samples = families["sora_gateway_jobs_accepted"].samples
    assert before + 1 in [sample.value for sample in samples if sample.labels == labels]
    assert CONTENT_TYPE.startswith("text/plain")


def test_everything_is_documented_and_ours() -> None:
    """Nothing of other libraries is shown."""
    families = list(REGISTRY.collect())
    assert len(families) == 6
    assert all(family.name.startswith("sora_gateway_") and family.documentation for family in families)
