"""Whether the process lives and the node serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.gateway import Gateway, client_of


@pytest.mark.parametrize("prefix", ["", "/sora"])
async def test_open_without_a_key(gateway: Gateway, prefix: str) -> None:
    """Probes and scrapers have no key."""
    async with client_of(gateway, key=None) as client:
        healthy, ready = await client.get(f"{prefix}/healthz"), await client.get(f"{prefix}/readyz")
        metrics = await client.get(f"{prefix}/metrics")
    assert (healthy.status_code, healthy.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "reasons": []})
    assert metrics.headers["content-type"].startswith("text/plain; version=")
    assert "sora_gateway_http_requests_total" in metrics.text


async def test_not_ready_says_why(gateway: Gateway) -> None:
    """503 with the reasons; the process still lives."""

    async def readiness() -> Sequence[str]:
        return ["the store does not answer"]

    gateway.app.state.services = replace(gateway.app.state.services, readiness=readiness)
    async with client_of(gateway, key=None) as client:
        ready, healthy = await client.get("/readyz"), await client.get("/healthz")
    assert ready.status_code == 503
    assert ready.json() == {"status": "unavailable", "reasons": ["the store does not answer"]}
    assert healthy.status_code == 200
