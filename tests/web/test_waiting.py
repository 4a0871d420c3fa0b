"""Answers wait as long as the caller has patience and stays."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx2
import pytest
from starlette.datastructures import Headers

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.web.waiting import patience_s, preferred_wait_s
from tests.fakes import fails
from tests.gateway import KEY, Gateway, client_of, until


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 270),
        ({"x-stainless-read-timeout": "600"}, 270),
        ({"x-stainless-read-timeout": "600.0"}, 270),
        ({"x-stainless-read-timeout": "60"}, 50),
        ({"x-stainless-timeout": "100"}, 90),
        ({"x-stainless-read-timeout": "60", "x-stainless-timeout": "100"}, 50),
        ({"x-server-timeout": "120"}, 110),
        ({"x-stainless-read-timeout": "5"}, 1),
        ({"x-stainless-read-timeout": "0"}, 270),
        ({"x-stainless-read-timeout": "-3"}, 270),
        ({"x-stainless-read-timeout": "nan"}, 270),
        ({"x-stainless-read-timeout": "inf"}, 270),
        ({"x-stainless-read-timeout": "soon"}, 270),
    ],
)
def test_patience(headers: dict[str, str], expected: float) -> None:
    """The client's stated time-out less 10 s, never longer than ours, never nothing."""
    assert patience_s(headers, 270) == expected


async def test_patience_ends(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """504 that names the job and its link, and is not to be repeated; the job goes on."""
    gateway.app.state.services = replace(gateway.app.state.services, wait_max_s=0.03)
    answer = await client.post("/v1/images/generations", json={"prompt": "x"})
    (job_id,) = gateway.generations.histories
    assert answer.status_code == 504
    assert answer.headers["x-should-retry"] == "false"
    error = answer.json()["error"]
    assert error["code"] == "still_running"
    assert f"'{job_id}'" in error["message"]
    assert f"http://gateway/v1/files/{job_id}/image/0?exp=" in error["message"]
    assert not gateway.generations.job(job_id).is_final


async def test_end_of_the_process_is_said(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A server that ends while a caller waits names the job and its link, and asks not to be asked again."""

    async def cancelled(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    gateway.generations.wait_final = cancelled  # type: ignore[method-assign, assignment]
    answer = await client.post("/v1/images/generations", json={"prompt": "x"})
    (job_id,) = gateway.generations.histories
    assert answer.status_code == 504
    assert answer.headers["x-should-retry"] == "false"
    assert answer.json()["error"]["code"] == "server_stopping"
    assert f"/v1/files/{job_id}/image/0?exp=" in answer.json()["error"]["message"]


async def test_nobody_waits_for_a_server_that_ends(live: Gateway) -> None:
    """Whoever waits hears at once that it ends and where the result will be."""

    async def end_soon() -> None:
        await until(lambda: live.generations.watching == 1)
        live.app.state.open_answers.end()

    async with client_of(live, KEY) as client, asyncio.TaskGroup() as group:
        group.create_task(end_soon())
        answer = await client.post("/v1/images/generations", json={"prompt": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "server_stopping")
    (job_id,) = live.generations.histories
    assert f"/v1/files/{job_id}/image/0?exp=" in answer.json()["error"]["message"]


async def test_hang_up_ends_the_waiting(live: Gateway) -> None:
    """The watch ends, the job does not."""
    async with client_of(live, KEY) as client:
        with pytest.raises(httpx2.ReadTimeout):
            await client.post("/v1/images/generations", json={"prompt": "x"}, timeout=0.1)
    await until(lambda: live.generations.watching == 0)
    (job_id,) = live.generations.histories
    assert not live.generations.job(job_id).is_final


async def test_failure_while_waiting(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """The store going away is said as such, not as a group of exceptions."""

    async def away(*_: object, **__: object) -> None:
        raise GatewayError(ErrorKind.STORE_UNAVAILABLE, "The store does not answer.")

    gateway.generations.wait_final = away  # type: ignore[method-assign, assignment]
    answer = await client.post("/v1/images/generations", json={"prompt": "x"})
    assert answer.status_code == 503
    assert answer.headers["x-should-retry"] == "false"


async def test_waits_for_the_end(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A failed job is the answer's failure."""
    gateway.generations.script = [fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
    answer = await client.post("/v1/images/generations", json={"prompt": "x"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "content_policy_violation"


@pytest.mark.parametrize(
    ("lines", "wait_s"),
    [
        ([], None),
        (["wait=10"], 10),
        (["WAIT = 10"], 10),
        (['wait="10"'], 10),
        (["respond-async, wait=10"], 10),
        (["respond-async", "wait=10;x=y"], 10),
        (["wait=10, wait=20"], 10),
        (["wait=0"], 0),
        (["wait"], None),
        (["wait="], None),
        (["wait=-1"], None),
        (["wait=1.5"], None),
        (["wait=ten"], None),
        (["wait=soon, wait=7"], 7),
        (["wait=9999999999"], None),
        (["await=10"], None),
        (["handling=lenient"], None),
    ],
)
def test_preference(lines: list[str], wait_s: int | None) -> None:
    """RFC 7240: names in any case, several in one line or in many, the first counts, bad ones do not."""
    headers = Headers(raw=[(b"prefer", line.encode()) for line in lines])
    assert preferred_wait_s(headers) == wait_s


async def test_preference_ends(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """After so long the job as it is then; the answer says how long was waited at most."""
    gateway.app.state.services = replace(gateway.app.state.services, wait_max_s=0.03)
    answer = await client.post("/v1/videos", json={"prompt": "x"}, headers={"Prefer": "wait=100"})
    assert (answer.status_code, answer.json()["status"]) == (200, "queued")
    assert answer.headers["preference-applied"] == "wait=0"
    assert answer.headers["openai-poll-after-ms"] == "2000"
    for preferred in ("wait=soon", "respond-async"):
        at_once = await client.post("/v1/videos", json={"prompt": "x"}, headers={"Prefer": preferred})
        assert (at_once.status_code, "preference-applied" in at_once.headers) == (200, False)


async def test_preference_and_patience(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """The client's own time-out goes before its wish; none is waited for longer than wished."""
    headers = {"Prefer": "wait=0", "x-stainless-read-timeout": "600"}
    answer = await client.post("/v1/videos", json={"prompt": "x"}, headers=headers)
    assert answer.headers["preference-applied"] == "wait=0"
    gateway.generations.script = [fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
    headers = {"Prefer": "wait=200", "x-stainless-read-timeout": "60"}
    failed = await client.post("/v1/videos", json={"prompt": "x"}, headers=headers)
    assert failed.headers["preference-applied"] == "wait=50"
    assert (failed.status_code, failed.json()["status"]) == (200, "failed")


async def test_preference_and_the_end_of_the_process(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """The answer is the job as it was: its caller knows the id, and looks again."""

    async def cancelled(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    gateway.generations.wait_final = cancelled  # type: ignore[method-assign, assignment]
    answer = await client.post("/v1/videos", json={"prompt": "x"}, headers={"Prefer": "wait=9"})
    (job_id,) = gateway.generations.histories
    assert (answer.status_code, answer.json()["id"], answer.json()["status"]) == (200, job_id, "queued")
    assert "preference-applied" not in answer.headers


async def test_preference_and_hang_up(live: Gateway) -> None:
    """The watch ends, the job does not."""
    async with client_of(live, KEY) as client:
        with pytest.raises(httpx2.ReadTimeout):
            await client.post("/v1/videos", json={"prompt": "x"}, headers={"Prefer": "wait=9"}, timeout=0.1)
    await until(lambda: live.generations.watching == 0)
    (job_id,) = live.generations.histories
    assert not live.generations.job(job_id).is_final
