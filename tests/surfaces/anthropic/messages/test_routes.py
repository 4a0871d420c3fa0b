"""The Messages API over HTTP."""

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
from tests.gateway import Gateway, client_of, until
from tests.surfaces.anthropic.samples import sample
from tests.surfaces.anthropic.wiring import served_anthropic

Event = dict[str, Any]


def _body(model: str = "sora_image", **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "画小猫"}]
    return {"model": model, "max_tokens": 1024, "messages": messages, **fields}


def _events(text: str) -> list[Event]:
    events = []
    for block in text.removesuffix("\n\n").split("\n\n"):
        first, second = block.split("\n")
        event = json.loads(second.removeprefix("data: "))
        assert first == f"event: {event['type']}"
        events.append(event)
    return events


def _texts(events: list[Event]) -> list[str]:
    return [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]


def _text_of(answer: httpx2.Response) -> str:
    (block,) = answer.json()["content"]
    return str(block["text"])


def _normal(text: str, gateway: Gateway) -> str:
    """Put the samples' names in place of what differs from run to run."""
    text = re.sub(r"msg_[0-9a-z]{26}", "msg_01k", text).replace(gateway.url, "http://gateway")
    text = re.sub(r"/(image|video)_[0-9a-z]{26}/", "/a/", text)
    return re.sub(r"\?exp=[0-9]+&sig=[\w-]+", "", text)


@pytest.mark.parametrize("path", ["/sora/v1/messages", "/v1/messages/", "/sora/v1/v1/messages"])
async def test_golden_stream(live: Gateway, path: str) -> None:
    """Every byte of a stream, over a real server and on every path."""
    live.generations.script = [progresses(0.45), live.generations.completes]
    async with client_of(live) as client:
        answer = await client.post(path, json=_body(stream=True))
    assert answer.headers["content-type"].startswith("text/event-stream")
    queued, rest = "Queued, position 2, about 40 s\n", sample("stream.txt")
    got = _normal(answer.text, live).replace("/sora/v1/files", "/v1/files")
    delta = {"type": "text_delta", "text": queued}
    event = json.dumps({"type": "content_block_delta", "index": 0, "delta": delta}, separators=(",", ":"))
    assert f"event: content_block_delta\ndata: {event}\n\n" in got
    got = got.replace(f"event: content_block_delta\ndata: {event}\n\n", "")
    tokens = re.compile(r'"output_tokens":[1-9]\d*')
    assert tokens.sub("", got) == tokens.sub("", rest)


async def test_golden_answer(live: Gateway) -> None:
    """The whole answer, over a real server."""
    live.generations.script = [live.generations.completes]
    async with client_of(live) as client:
        answer = await client.post("/v1/messages", json=_body())
    got, golden = json.loads(_normal(answer.text, live)), sample("message.json")
    got["usage"]["output_tokens"] = golden["usage"]["output_tokens"]
    assert got == golden


@pytest.mark.parametrize("model", ["sora_image", "sora_video2"])
async def test_stream(live: Gateway, model: str) -> None:
    """Progress, a blank line, the result; the tokens are those of all that was said."""
    live.generations.script = [starts, progresses(0.5), live.generations.completes]
    async with client_of(live) as client:
        events = _events((await client.post("/sora/v1/messages", json=_body(model, stream=True))).text)
    *lines, result = _texts(events)
    assert lines == ["Queued, position 2, about 40 s\n", "In progress: 0 %\n", "In progress: 50 %\n"]
    assert result.startswith("\n![image](http" if model == "sora_image" else '\n<video src="http')
    said = "".join([*lines, result])
    assert events[-2]["usage"] == {"output_tokens": -(-len(said) // 4)}
    link = re.search(r"http[^)\"]+", result)
    assert link
    assert link[0].startswith(f"{live.url}/sora/v1/files/")
    async with client_of(live, key=None) as browser:
        assert (await browser.get(link[0])).content == (PNG + b"\x00" if model == "sora_image" else MP4)


@pytest.mark.parametrize("model", ["sora_image", "sora_video2", "sora-2", "gpt-image-1"])
async def test_whole_answer(gateway: Gateway, client: httpx2.AsyncClient, model: str) -> None:
    """Not streamed: one message with the result, of any model."""
    gateway.generations.script = [gateway.generations.completes]
    answer = await client.post("/v1/messages", json=_body(model))
    assert answer.json()["model"] == model
    assert _text_of(answer).startswith("![image](http" if "image" in model else '<video src="http')
    assert "In progress" not in _text_of(answer)


@pytest.mark.parametrize("model", ["sora_image", "sora_video2"])
async def test_several_results(gateway: Gateway, client: httpx2.AsyncClient, model: str) -> None:
    """``n`` results in one answer, of one job or of siblings."""
    gateway.generations.script = [gateway.generations.completes]
    answer = await client.post("/v1/messages?n=2", json=_body(model))
    assert len(set(re.findall(r"(?:\]\(|src=\")(http[^)\"]+)", _text_of(answer)))) == 2


async def test_siblings_in_a_stream(live: Gateway) -> None:
    """Progress names the sibling."""
    live.generations.script = [starts, live.generations.completes]
    live.generations.step_s = 0.05
    async with client_of(live) as client:
        answer = await client.post("/v1/messages", json=_body("sora_video2", n=2, stream=True))
    said = _texts(_events(answer.text))
    assert "1 of 2: In progress: 0 %\n" in said
    assert said[-1].count("<video ") == 2


async def test_one_of_two_fails(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """What was made is given, what was not is said."""
    gateway.generations.step_s = 60
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(client.post("/v1/messages", json=_body("sora_video2", n=2)))
        await until(lambda: len(gateway.generations.histories) == 2)
        first, second = gateway.generations.histories
        gateway.generations.change(first, fails(ErrorKind.GENERATION_FAILED, "Bad luck."))
        gateway.generations.change(second, gateway.generations.completes)
    assert "Bad luck." in _text_of(asked.result())
    assert f"/v1/files/{second}/video/0.mp4" in _text_of(asked.result())


async def test_encoding_of_an_image(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """The link has the format that was asked for."""
    gateway.generations.script = [gateway.generations.completes]
    answer = await client.post("/v1/messages", json=_body(output_format="jpeg"))
    link = re.search(r"\((http[^)]+)\)", _text_of(answer))
    assert link
    assert (await client.get(link[1])).headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("source", "fetched"),
    [
        ({"type": "url", "url": "https://example.com/a.png"}, "https://example.com/a.png"),
        (
            {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
            "data:;base64,iVBORw0KGgo=",
        ),
    ],
)
async def test_pictures_in_the_message(
    gateway: Gateway, client: httpx2.AsyncClient, source: dict[str, str], fetched: str
) -> None:
    """A URL, or base64."""
    gateway.generations.script = [gateway.generations.completes]
    content = [{"type": "image", "source": source}, {"type": "text", "text": "换个风格"}]
    answer = await client.post(
        "/v1/messages", json={**_body(), "messages": [{"role": "user", "content": content}]}
    )
    assert answer.status_code == 200
    assert gateway.generations.fetched == [("messages", fetched)]


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"model": "claude-opus-4-5"}, "model"),
        ({"model": None}, "'model'"),
        ({"messages": []}, "'messages'"),
        ({"seconds": "99", "model": "sora_video2"}, "'seconds'"),
    ],
)
async def test_early_failures_have_a_status(
    client: httpx2.AsyncClient, is_streamed: bool, fields: dict[str, Any], named: str
) -> None:
    """Before the first byte an error is a real one, streamed or not; the message names the field."""
    answer = await client.post("/v1/messages", json={**_body(stream=is_streamed), **fields})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert named in answer.json()["error"]["message"]


async def test_engine_refuses_before_the_stream(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Admission comes first."""
    gateway.generations.refusal = GatewayError(ErrorKind.NO_ACCOUNT, "No account.")
    answer = await client.post("/v1/messages", json=_body(stream=True))
    assert (answer.status_code, answer.headers["x-should-retry"]) == (503, "false")
    assert answer.json()["error"] == {"type": "api_error", "message": "No account."}


async def test_late_failure(live: Gateway) -> None:
    """After the first byte: an error event that has the id of the request, and nothing behind it."""
    live.generations.script = [starts, fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
    async with client_of(live) as client:
        answer = await client.post("/v1/messages", json=_body(stream=True))
    assert answer.status_code == 200
    assert _events(answer.text)[-1] == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "No cats."},
        "request_id": answer.headers["request-id"],
    }


@pytest.mark.parametrize(
    ("kind", "status", "type_"),
    [
        (ErrorKind.CONTENT_REFUSED, 400, "invalid_request_error"),
        (ErrorKind.GENERATION_FAILED, 502, "api_error"),
        (ErrorKind.TIMEOUT, 504, "timeout_error"),
    ],
)
async def test_failed_whole_answer(
    gateway: Gateway, client: httpx2.AsyncClient, kind: ErrorKind, status: int, type_: str
) -> None:
    """Not streamed: the failure's own status."""
    gateway.generations.script = [fails(kind, "It failed.")]
    answer = await client.post("/v1/messages", json=_body())
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, type_)


async def test_patience_ends_with_a_link(tmp_path: Path) -> None:
    """200 with the job and where it will be; the link opens once it is finished."""
    async with served_anthropic(tmp_path, wait_max_s=0.05) as gateway, client_of(gateway) as client:
        answer = await client.post("/v1/messages", json=_body("sora_video2"))
        assert (answer.status_code, answer.json()["stop_reason"]) == (200, "end_turn")
        (job_id,) = gateway.generations.histories
        assert f"`{job_id}`" in _text_of(answer)
        link = re.search(r"\((http[^)]+)\)", _text_of(answer))
        assert link
        assert (await client.get(link[1])).status_code == 404
        gateway.generations.change(job_id, gateway.generations.completes)
        assert (await client.get(link[1])).content == MP4


@pytest.mark.parametrize("path", ["/sora/v1/messages/count_tokens", "/v1/v1/messages/count_tokens"])
async def test_count_tokens(gateway: Gateway, client: httpx2.AsyncClient, path: str) -> None:
    """The count of an answer's usage, and no job."""
    answer = await client.post(path, json=_body(system="be brief", tools=[]))
    assert answer.json() == {"input_tokens": 3}
    assert gateway.generations.submitted == []


@pytest.mark.parametrize("fields", [{"model": "claude-opus-4-5"}, {"messages": []}, {"seconds": 7}])
async def test_what_is_refused_is_not_counted(client: httpx2.AsyncClient, fields: dict[str, Any]) -> None:
    """The same refusals as for a message."""
    answer = await client.post(
        "/v1/messages/count_tokens", json={**_body("sora_video2", max_tokens=None), **fields}
    )
    assert answer.status_code == 400


@asynccontextmanager
async def _lines(gateway: Gateway, body: dict[str, Any]) -> AsyncIterator[AsyncIterator[str]]:
    async with client_of(gateway) as client, client.stream("POST", "/v1/messages", json=body) as answer:
        yield answer.aiter_lines()


async def test_heartbeat_is_an_event(tmp_path: Path) -> None:
    """``ping`` events after the first, which belongs to the opening."""
    async with (
        served_anthropic(tmp_path, ping_s=0.02) as gateway,
        _lines(gateway, _body(stream=True)) as lines,
        asyncio.timeout(5),
    ):
        pings = 0
        async for line in lines:
            assert not line.startswith(":")
            if line == "event: ping":
                pings += 1
                assert await anext(lines) == 'data: {"type":"ping"}'
            if pings == 3:
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
            live.app.state.open_answers.end()
    assert seen[-3] == "event: error"
    error = json.loads(seen[-2].removeprefix("data: "))["error"]
    (job_id,) = live.generations.histories
    assert error["type"] == "api_error"
    assert f"/v1/files/{job_id}/image/0" in error["message"]
