"""Equal requests under one key promise to be one job."""

from __future__ import annotations

import httpx2
import pytest

from tests.fakes import PNG
from tests.gateway import Gateway

_KEY = {"Idempotency-Key": "k1"}


async def test_same_key_and_request_is_the_same_job(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A repetition answers with the job that was made, over either mount."""
    first = await client.post("/v1/videos", json={"prompt": "x", "n": 2}, headers=_KEY)
    again = await client.post("/sora/v1/videos", json={"n": 2, "prompt": "x"}, headers=_KEY)
    assert first.json()["id"] == again.json()["id"]
    promise = gateway.generations.promises[0]
    assert promise is not None
    assert promise.scope == "licence-7:POST /v1/videos"
    assert promise.key == "k1"


async def test_other_request_under_the_key_is_refused(client: httpx2.AsyncClient) -> None:
    """409, and never again."""
    await client.post("/v1/videos", json={"prompt": "x"}, headers=_KEY)
    other = await client.post("/v1/videos", json={"prompt": "y"}, headers=_KEY)
    assert other.status_code == 409
    assert other.headers["x-should-retry"] == "false"


async def test_files_count_by_content(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """The boundary of a form does not matter, the bytes of its files do."""
    first, again, other = [
        await client.post(
            "/v1/videos", data={"prompt": "x"}, files={"input_reference": ("a.png", data)}, headers=_KEY
        )
        for data in (PNG, PNG, PNG + b"!")
    ]
    assert first.json()["id"] == again.json()["id"]
    assert other.status_code == 409
    assert len(gateway.generations.submitted) == 1


async def test_what_it_started_from_may_be_gone(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A repeated request is shown its job and asks for nothing anew."""
    source = (await client.post("/v1/videos", json={"prompt": "x"})).json()["id"]
    gateway.generations.change(source, gateway.generations.completes)
    path, body = f"/v1/videos/{source}/remix", {"prompt": "y"}
    first = await client.post(path, json=body, headers=_KEY)
    assert first.status_code == 200, first.text
    await client.delete(f"/v1/videos/{source}")
    again = await client.post(path, json=body, headers=_KEY)
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])


@pytest.mark.parametrize("key", ["", "  "])
async def test_no_key_no_promise(gateway: Gateway, client: httpx2.AsyncClient, key: str) -> None:
    """Without the header nothing is promised."""
    await client.post("/v1/videos", json={"prompt": "x"}, headers={"Idempotency-Key": key})
    assert gateway.generations.promises == [None]


async def test_long_key(client: httpx2.AsyncClient) -> None:
    """Keys are kept, so they are bounded."""
    answer = await client.post("/v1/videos", json={"prompt": "x"}, headers={"Idempotency-Key": "k" * 256})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "Idempotency-Key"
