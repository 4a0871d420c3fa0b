"""The Chat Completions API over HTTP."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from tests.fakes import MP4, PNG, fails, progresses, starts
from tests.gateway import CHAT_KEY, Gateway, client_of, served, until


def _body(model: str = "sora_image", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "画小猫"}], **fields}


def _deltas(text: str) -> list[dict[str, Any]]:
    events = [event.removeprefix("data: ") for event in text.strip().split("\n\n")]
    return [json.loads(event) for event in events if event != "[DONE]"]


@pytest.mark.parametrize("model", ["sora_image", "sora_video2"])
async def test_stream(live: Gateway, model: str) -> None:
    """Role, thinking, result, end, ``[DONE]``; the link opens without a key."""
    live.generations.script = [starts, progresses(0.5), live.generations.completes]
    async with client_of(live, CHAT_KEY) as client:
        answer = await client.post("/sora/v1/chat/completions", json=_body(model, stream=True))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.endswith("data: [DONE]\n\n")
    assert not re.search(r"^(id|event|retry):", answer.text, re.MULTILINE)
    chunks = _deltas(answer.text)
    assert {(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks} == {
        (chunks[0]["id"], chunks[0]["created"], model)
    }
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert [delta["reasoning_content"] for delta in deltas[1:-2]] == [
        "Queued, position 2, about 40 s\n",
        "In progress: 0 %\n",
        "In progress: 50 %\n",
        "Completed\n",
    ]
    assert deltas[-1] == {}
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[-2:]] == [None, "stop"]
    assert all("usage" not in chunk for chunk in chunks)
    link = re.search(r"http[^)\"]+", deltas[-2]["content"])
    assert link
    assert link[0].startswith(f"{live.url}/sora/v1/files/")
    async with client_of(live, key=None) as browser:
        assert (await browser.get(link[0])).content == (PNG + b"\x00" if model == "sora_image" else MP4)


@pytest.mark.parametrize("model", ["sora_image", "sora_video2"])
async def test_whole_answer(gateway: Gateway, client: httpx2.AsyncClient, model: str) -> None:
    """Not streamed: one message with the result."""
    gateway.generations.script = [gateway.generations.completes]
    answer = await client.post("/v1/chat/completions", json=_body(model))
    body = answer.json()
    assert body["object"] == "chat.completion"
    (choice,) = body["choices"]
    assert choice["finish_reason"] == "stop"
    start = "![image](http" if model == "sora_image" else '<video src="http'
    assert choice["message"]["content"].startswith(start)
    assert body["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("model", ["sora_image", "sora_video2"])
async def test_several_results(gateway: Gateway, client: httpx2.AsyncClient, model: str) -> None:
    """``n`` results in one answer, of one job or of siblings."""
    gateway.generations.script = [gateway.generations.completes]
    answer = await client.post("/v1/chat/completions?n=2", json=_body(model))
    links = re.findall(r"(?:\]\(|src=\")(http[^)\"]+)", answer.json()["choices"][0]["message"]["content"])
    assert len(set(links)) == 2


async def test_usage_and_siblings_in_a_stream(live: Gateway) -> None:
    """Progress names the sibling; usage comes last, in a chunk without choices."""
    live.generations.script = [starts, live.generations.completes]
    body = _body("sora_video2", n=2, stream=True, stream_options={"include_usage": True})
    async with client_of(live) as client:
        chunks = _deltas((await client.post("/v1/chat/completions", json=body)).text)
    *others, last = chunks
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] > 0
    assert all(chunk["usage"] is None for chunk in others)
    said = [chunk["choices"][0]["delta"].get("reasoning_content", "") for chunk in others]
    assert any(line.startswith("1 of 2: ") for line in said)
    assert any(line.startswith("2 of 2: ") for line in said)


async def test_one_of_two_fails(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """What was made is given, what was not is said."""
    gateway.generations.step_s = 60
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(client.post("/v1/chat/completions", json=_body("sora_video2", n=2)))
        await until(lambda: len(gateway.generations.histories) == 2)
        first, second = gateway.generations.histories
        gateway.generations.change(first, fails(ErrorKind.GENERATION_FAILED, "Bad luck."))
        gateway.generations.change(second, gateway.generations.completes)
    content = asked.result().json()["choices"][0]["message"]["content"]
    assert "Bad luck." in content
    assert f"/v1/files/{second}/video/0.mp4" in content


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_pictures_for_those_who_ask(live: Gateway, is_streamed: bool) -> None:
    """``modalities`` with ``image``: data URLs and no markdown copy."""
    live.generations.script = [live.generations.completes]
    async with client_of(live) as client:
        body = _body(modalities=["text", "image"], stream=is_streamed)
        answer = await client.post("/v1/chat/completions", json=body)
    if is_streamed:
        deltas = [chunk["choices"][0]["delta"] for chunk in _deltas(answer.text)]
        (images,) = [delta["images"] for delta in deltas if "images" in delta]
    else:
        images = answer.json()["choices"][0]["message"]["images"]
    assert "![image]" not in answer.text
    assert images[0]["image_url"]["url"].startswith("data:image/png;base64,iVBORw0")


@pytest.mark.parametrize(
    ("url", "source"),
    [("https://example.com/a.png", "https://example.com/a.png"), ("iVBORw0KGgo=", "iVBORw0KGgo=")],
)
async def test_pictures_in_the_message(
    gateway: Gateway, client: httpx2.AsyncClient, url: str, source: str
) -> None:
    """The seed's example: text and a URL, or base64."""
    gateway.generations.script = [gateway.generations.completes]
    content = [{"type": "text", "text": "换个风格"}, {"type": "image_url", "image_url": {"url": url}}]
    await client.post(
        "/v1/chat/completions", json={**_body(), "messages": [{"role": "user", "content": content}]}
    )
    assert gateway.generations.fetched == [("messages", source)]


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"model": "gpt-4"}, 400, "model"),
        ({"model": None}, 400, "model"),
        ({"messages": []}, 400, "messages"),
        ({"seconds": "99", "model": "sora_video2"}, 400, "seconds"),
    ],
)
async def test_early_failures_have_a_status(
    client: httpx2.AsyncClient, is_streamed: bool, fields: dict[str, Any], status: int, param: str
) -> None:
    """Before the first byte an error is a real one, streamed or not."""
    answer = await client.post("/v1/chat/completions", json={**_body(stream=is_streamed), **fields})
    assert answer.status_code == status
    assert answer.json()["error"]["param"] == param


async def test_engine_refuses_before_the_stream(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Admission comes first."""
    gateway.generations.refusal = GatewayError(ErrorKind.NO_ACCOUNT, "No account.")
    answer = await client.post("/v1/chat/completions", json=_body(stream=True))
    assert (answer.status_code, answer.headers["x-should-retry"]) == (503, "false")


async def test_late_failure(live: Gateway) -> None:
    """After the first byte: an error event, and no ``[DONE]``."""
    live.generations.script = [starts, fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
    async with client_of(live) as client:
        answer = await client.post("/v1/chat/completions", json=_body(stream=True))
    assert answer.status_code == 200
    last = answer.text.strip().split("\n\n")[-1]
    assert json.loads(last.removeprefix("data: ")) == {
        "error": {
            "message": "No cats.",
            "type": "invalid_request_error",
            "param": None,
            "code": "content_policy_violation",
        }
    }


async def test_failed_whole_answer(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Not streamed: the failure's own status."""
    gateway.generations.script = [fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
    assert (await client.post("/v1/chat/completions", json=_body())).status_code == 400


async def test_patience_ends_with_a_link(tmp_path: Path) -> None:
    """200 with the job and where it will be; the link opens once it is finished."""
    async with served(tmp_path, wait_max_s=0.05) as gateway, client_of(gateway) as client:
        answer = await client.post("/v1/chat/completions", json=_body("sora_video2"))
        assert answer.status_code == 200
        (job_id,) = gateway.generations.histories
        content = answer.json()["choices"][0]["message"]["content"]
        assert f"`{job_id}`" in content
        link = re.search(r"\((http[^)]+)\)", content)
        assert link
        assert (await client.get(link[1])).json()["error"]["code"] == "video_not_ready"
        gateway.generations.change(job_id, gateway.generations.completes)
        assert (await client.get(link[1])).content == MP4


@asynccontextmanager
async def _lines(gateway: Gateway, body: dict[str, Any]) -> AsyncIterator[AsyncIterator[str]]:
    async with (
        client_of(gateway) as client,
        client.stream("POST", "/v1/chat/completions", json=body) as answer,
    ):
        yield answer.aiter_lines()


async def test_heartbeat_is_a_comment(tmp_path: Path) -> None:
    """Comments between the chunks, no events."""
    async with served(tmp_path, ping_s=0.02) as gateway, _lines(gateway, _body(stream=True)) as lines:
        async with asyncio.timeout(5):
            async for line in lines:
                if line == ": ping":
                    return


async def test_hang_up_ends_the_watching_only(live: Gateway) -> None:
    """The job goes on."""
    async with _lines(live, _body(stream=True)) as lines:
        await anext(lines)
        await until(lambda: live.generations.watching == 1)
    await until(lambda: live.generations.watching == 0)
    (job_id,) = live.generations.histories
    assert not live.generations.job(job_id).is_final


async def test_restart_in_the_middle(live: Gateway) -> None:
    """A server that stops says where the result will be."""
    seen = []
    async with _lines(live, _body(stream=True)) as lines:
        async for line in lines:
            seen.append(line)
            assert live.server
            live.server.should_exit = True
    error = json.loads(seen[-2].removeprefix("data: "))["error"]
    (job_id,) = live.generations.histories
    assert error["code"] == "server_stopping"
    assert f"/v1/files/{job_id}/image/0" in error["message"]
