"""A server that ends turns newcomers away in a way that brings them back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from sora_gateway.web.draining import COME_BACK, Draining
from tests.gateway import AUTH, Gateway

BODY = {"prompt": "a boat"}


@pytest.fixture
def drain(gateway: Gateway) -> Draining:
    return Draining(gateway.app)


@pytest.fixture
async def client(drain: Draining) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(drain, raise_app_exceptions=False)
    async with httpx2.AsyncClient(base_url="http://gateway", headers=AUTH, transport=transport) as client:
        yield client


async def test_before_nothing_changes(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Requests are served, and their connections live on."""
    answer = await client.post("/v1/videos", json=BODY)
    assert answer.status_code == 200
    assert "connection" not in answer.headers
    assert (await client.get("/readyz")).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/videos", BODY),
        ("/sora/v1/images/generations", BODY),
        ("/v1/messages", {"model": "sora_image", "max_tokens": 9, "messages": []}),
        ("/v1beta/models/sora_image:generateContent", {}),
    ],
)
async def test_newcomers_are_turned_away(
    gateway: Gateway, drain: Draining, client: httpx2.AsyncClient, path: str, body: dict[str, object]
) -> None:
    """503 in every dialect, with leave to try again; nothing is made."""
    drain.begin()
    answer = await client.post(path, json=body)
    assert answer.status_code == 503
    assert (answer.headers["retry-after"], answer.headers["connection"]) == ("1", "close")
    assert "x-should-retry" not in answer.headers
    assert "being restarted; nothing was done" in answer.text
    assert gateway.generations.submitted == []


async def test_probes(drain: Draining, client: httpx2.AsyncClient) -> None:
    """Not ready, and why; the process lives."""
    drain.begin()
    ready, healthy = await client.get("/readyz"), await client.get("/healthz")
    assert (ready.status_code, ready.json()["reasons"]) == (503, ["this node is stopping"])
    assert healthy.status_code == 200
    assert ready.headers["connection"] == healthy.headers["connection"] == "close"


async def test_an_event_source_is_told_to_come_back(drain: Draining, client: httpx2.AsyncClient) -> None:
    """It would give up after any status but 200."""
    drain.begin()
    answer = await client.get("/v1/videos/video_1/events", headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.content) == (200, COME_BACK)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["connection"] == "close"


def test_the_last_words_bring_no_event_of_their_own() -> None:
    """No id, so the last one stays what it was; data, since some clients expect it with every event."""
    lines = COME_BACK.decode().splitlines()
    assert lines == [": the server is being restarted", "retry: 1000", "event: ping", "data: {}", ""]
