"""An SDK that repeats a request gets the job that was made, unless it got its answer."""

from __future__ import annotations

import httpx2
import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from tests.gateway import AUTH, Gateway

BODY = {"model": "sora_video2", "prompt": "x"}


async def _ids(client: httpx2.AsyncClient, *counts: str) -> list[str]:
    answers = [
        await client.post("/v1/videos", json=BODY, headers=AUTH | {"x-stainless-retry-count": count})
        for count in counts
    ]
    return [answer.raise_for_status().json()["id"] for answer in answers]


async def test_delivered_answers_end_the_try(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Whoever asks again after a complete answer gets another job."""
    gateway.generations.repeats = True
    first, second, third = await _ids(client, "0", "0", "1")
    assert len({first, second, third}) == 3
    assert gateway.generations.tries == {}


async def test_lost_answers_do_not(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """While the answer has not been delivered, a repeated request belongs to the same try."""
    gateway.generations.repeats = True
    delivered = gateway.generations.delivered

    async def lost(promise: object) -> None:
        return None

    gateway.generations.delivered = lost  # type: ignore[method-assign, assignment]
    first, second = await _ids(client, "0", "1")
    gateway.generations.delivered = delivered  # type: ignore[method-assign]
    assert first == second
    other = await _ids(client, "0")
    assert other != [first]


@pytest.mark.parametrize("status", [503])
async def test_failures_of_ours_do_not(gateway: Gateway, client: httpx2.AsyncClient, status: int) -> None:
    """After a 5xx the SDK asks again, and may get the job that was accepted all the same."""
    gateway.generations.repeats = True
    gateway.generations.refusal = GatewayError(ErrorKind.STORE_UNAVAILABLE, "away")
    answer = await client.post("/v1/videos", json=BODY, headers=AUTH | {"x-stainless-retry-count": "0"})
    assert answer.status_code == status
    assert len(gateway.generations.tries) == 1
