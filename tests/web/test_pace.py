"""Pace: who is refused, and what every answer says about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.domain.licences import Bounds
from sora_gateway.licences.keys import hash_key
from sora_gateway.ports.usage import Pace
from sora_gateway.web.pace import pace_headers
from tests.gateway import KEY, Gateway, client_of

NAMES = ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests")
BODY = {"prompt": "a boat"}


@pytest.fixture
async def bounded(gateway: Gateway) -> Gateway:
    """A gateway whose key may make two requests per minute."""
    licence = gateway.licences.by_key[hash_key(KEY)]
    await gateway.licences.put(replace(licence, bounds=Bounds(requests_per_minute=2)), hash_key(KEY))
    return gateway


async def test_every_answer_says_where_the_caller_stands(bounded: Gateway) -> None:
    """Good ones, refused ones and the 429; that one says when to come again and makes no job."""
    async with client_of(bounded) as client:
        answers = [
            await client.post("/v1/videos", json=BODY),
            await client.post("/v1/videos", json={"prompt": ""}),
            await client.post("/v1/videos", json=BODY),
        ]
    assert [answer.status_code for answer in answers] == [200, 400, 429]
    told = [tuple(answer.headers[name] for name in NAMES) for answer in answers]
    assert told == [("2", "1", "60s"), ("2", "0", "60s"), ("2", "0", "60s")]
    error = answers[2].json()["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert answers[2].headers["retry-after"] == "13"
    assert "x-should-retry" not in answers[2].headers
    assert len(bounded.generations.submitted) == 1


async def test_reading_is_free(bounded: Gateway) -> None:
    """A job can be looked at and fetched whatever was asked before."""
    async with client_of(bounded) as client:
        for _ in range(5):
            assert (await client.get("/v1/videos")).headers[NAMES[1]] == "2"
        for _ in range(3):
            last = await client.post("/v1/videos", json=BODY)
        assert last.status_code == 429
        assert (await client.get("/v1/videos")).status_code == 200


@pytest.mark.parametrize("path", ["/v1/videos", "/v1beta/models"])
async def test_others_hear_nothing_of_it(gateway: Gateway, path: str) -> None:
    """A key without a limit costs no look-up, and its answers have no such headers."""
    async with client_of(gateway) as client:
        answer = await client.get(path)
    assert not set(NAMES) & set(answer.headers)
    assert gateway.usage.taken == {}


@pytest.mark.parametrize(("reset_s", "text"), [(0.0, b"0s"), (0.0123, b"0.012s"), (59.99999, b"60s")])
def test_headers(reset_s: float, text: bytes) -> None:
    """Durations as OpenAI writes them."""
    pace = Pace(is_allowed=True, limit=9, remaining=3, reset_s=reset_s, retry_after_s=0.0)
    assert [value for _, value in pace_headers({"state": {"pace": pace}})] == [b"9", b"3", text]
