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
from sora_gateway.domain.model_aliases import with_aliases
from sora_gateway.domain.parameters import Policy
from tests.fakes import MP4, PNG, fails, progresses, starts
from tests.gateway import CHAT_KEY, Gateway, build_gateway, client_of, served, until


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
    """Comments between the chunks, before the first progress and after it, and nothing else."""
    async with served(tmp_path, ping_s=0.02) as gateway, _lines(gateway, _body(stream=True)) as lines:
        seen: list[str] = []

        async def beats(count: int) -> None:
            async for line in lines:
                seen.append(line)
                if seen.count(": ping") >= count:
                    return

        async with asyncio.timeout(5):
            await beats(3)
            (job_id,) = gateway.generations.histories
            gateway.generations.change(job_id, progresses(0.5))
            await beats(6)
            gateway.generations.change(job_id, gateway.generations.completes)
            seen += [line async for line in lines]
    said = [line for line in seen if line]
    assert {line.split(":")[0] for line in said} == {"", "data"}
    first = next(at for at, line in enumerate(said) if "In progress: 50 %" in line)
    assert said[:first].count(": ping") >= 3
    assert said[first:].count(": ping") >= 3
    assert said[-1] == "data: [DONE]"


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
    error = json.loads(seen[-2].removeprefix("data: "))["error"]
    (job_id,) = live.generations.histories
    assert error["code"] == "server_stopping"
    assert f"/v1/files/{job_id}/image/0" in error["message"]


# --- progress on wish ---------------------------------------------------------------------------------------


def _reasoning(answer: httpx2.Response) -> str | None:
    """Return the progress in an answer, streamed or not; None: there is no such key."""
    if answer.headers["content-type"].startswith("text/event-stream"):
        deltas = [chunk["choices"][0]["delta"] for chunk in _deltas(answer.text)]
        lines = [delta["reasoning_content"] for delta in deltas if "reasoning_content" in delta]
        return "".join(lines) if lines else None
    reasoning: str | None = answer.json()["choices"][0]["message"].get("reasoning_content")
    return reasoning


@pytest.mark.parametrize("is_query", [True, False])
@pytest.mark.parametrize(
    ("is_streamed", "flag", "is_told"),
    [
        (True, None, True),
        (True, "close_reasoning_content", False),
        (True, "return_reasoning_content", True),
        (False, None, False),
        (False, "close_reasoning_content", False),
        (False, "return_reasoning_content", True),
    ],
)
async def test_progress_on_wish(
    live: Gateway, is_query: bool, is_streamed: bool, flag: str | None, is_told: bool
) -> None:
    """Kept out of a stream, or put into a whole answer: the same lines, one for each result."""
    live.generations.script = [starts, progresses(0.5), live.generations.completes]
    flags = {flag: "true"} if flag else {}
    body = _body("sora_video2", n=2, stream=is_streamed, **({} if is_query else flags))
    async with client_of(live) as client:
        answer = await client.post("/v1/chat/completions", params=flags if is_query else {}, json=body)
    reasoning = _reasoning(answer)
    assert (reasoning is not None) is is_told
    if reasoning is not None:
        assert "1 of 2: In progress: 50 %\n" in reasoning
        assert "1 of 2: Completed\n" in reasoning
        assert reasoning.endswith("2 of 2: Completed\n")
    assert answer.text.count("<video src=") == 2


async def test_progress_of_what_is_not_finished(tmp_path: Path) -> None:
    """Patience ends: what was seen until then."""
    async with served(tmp_path, wait_max_s=0.2) as gateway, client_of(gateway) as client:
        gateway.generations.script = [starts, progresses(0.25)]
        body = _body("sora_video2", return_reasoning_content=True)
        message = (await client.post("/v1/chat/completions", json=body)).json()["choices"][0]["message"]
        assert "In progress: 25 %\n" in message["reasoning_content"]
        assert "still being made" in message["content"]
        await until(lambda: gateway.generations.watching == 0)


async def test_both_wishes(client: httpx2.AsyncClient) -> None:
    """They contradict each other."""
    body = _body(close_reasoning_content=True, return_reasoning_content=True)
    answer = await client.post("/v1/chat/completions", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "close_reasoning_content")


# --- what a conversation is about ---------------------------------------------------------------------------


def _talk(model: str, *turns: Any, **fields: Any) -> dict[str, Any]:
    roles = ["user", "assistant"] * len(turns)
    messages = [{"role": role, "content": turn} for role, turn in zip(roles, turns, strict=False)]
    return {"model": model, "messages": messages, **fields}


async def _said(client: httpx2.AsyncClient, body: dict[str, Any]) -> str:
    answer = await client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    content: str = answer.json()["choices"][0]["message"]["content"]
    return content


@pytest.mark.parametrize("model", ["sora_image", "sora_video2"])
async def test_make_it_darker(gateway: Gateway, client: httpx2.AsyncClient, model: str) -> None:
    """The picture of the last answer is the reference."""
    gateway.generations.script = [gateway.generations.completes]
    made = await _said(client, _body("sora_image"))
    await _said(client, _talk(model, "画小猫", made, "make it darker"))
    (request,) = gateway.generations.submitted[-1]
    assert (request.prompt, len(request.inputs), request.remix) == ("make it darker", 1, None)
    ((param, source),) = gateway.generations.fetched
    assert param == "messages"
    assert source.startswith("data:image/png;base64,iVBORw0")


async def test_make_the_video_darker(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """The video of the last answer is changed; another model makes a new one."""
    gateway.generations.script = [gateway.generations.completes]
    made = await _said(client, _body("sora_video2-landscape"))
    (job_id,) = gateway.generations.histories
    await _said(client, _talk("sora_video2", "画小猫", made, "make it darker"))
    (request,) = gateway.generations.submitted[-1]
    assert request.remix
    assert (request.prompt, request.remix.job_id, request.aspect) == ("make it darker", job_id, "landscape")
    await _said(client, _talk("sora_video", "画小猫", made, "make it darker"))
    (request,) = gateway.generations.submitted[-1]
    assert (request.remix, request.inputs) == (None, ())


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_remix_by_name(live: Gateway, is_streamed: bool) -> None:
    """The link of a video, or its id, in the text: it is changed, and the name is no part of the prompt."""
    live.generations.script = [live.generations.completes]
    async with client_of(live) as client:
        made = await _said(client, _body("sora_video2"))
        (job_id,) = live.generations.histories
        link = re.search(r"http[^)\"]+", made)
        assert link
        for name in (link[0], job_id):
            body = _talk("sora_video2", f"{name} add a dog", stream=is_streamed)
            assert (await client.post("/v1/chat/completions", json=body)).status_code == 200
            (request,) = live.generations.submitted[-1]
            assert request.remix
            assert (request.prompt, request.remix.job_id) == ("add a dog", job_id)


@pytest.mark.parametrize(
    ("model", "kind", "param"),
    [
        ("sora_image", "invalid_model", "model"),
        ("sora_video", "invalid_model", "model"),
        ("sora_video2", "not_found", None),
    ],
)
@pytest.mark.parametrize("is_shared", [True, False])
async def test_remix_refused(
    gateway: Gateway,
    client: httpx2.AsyncClient,
    model: str,
    kind: str,
    param: str | None,
    is_shared: bool,
) -> None:
    """A model that cannot change a video says so; a video that is not the caller's is not found."""
    gateway.generations.script = [gateway.generations.completes]
    if param is None and is_shared:
        await _said(client, _talk(model, f"https://sora.chatgpt.com/p/s_{'0a' * 16} at night"))
        assert gateway.generations.submitted[-1][0].remix_post == f"s_{'0a' * 16}"
        return
    await _said(client, _body("sora_video2"))
    (job_id,) = gateway.generations.histories
    name = f"s_{'0a' * 16}" if is_shared else job_id if param else job_id[:-4] + "0000"
    answer = await client.post("/v1/chat/completions", json=_talk(model, f"{name} at night"))
    error = answer.json()["error"]
    assert error["code"] == kind
    assert param is None or (answer.status_code, error["param"]) == (400, param)
    assert param is None or "sora_video2" in error["message"]


async def test_a_clip_makes_a_character(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A video in the message; it needs the permission for characters."""
    gateway.generations.script = [gateway.generations.completes]
    clip = {"type": "video_url", "video_url": {"url": "https://example.com/v.mp4"}}
    body = _talk("sora_video2", [{"type": "text", "text": "in the rain"}, clip])
    await _said(client, body)
    (request,) = gateway.generations.submitted[-1]
    assert request.character
    assert request.character.blob
    assert gateway.generations.fetched == [("character_url", "https://example.com/v.mp4")]
    async with client_of(gateway, CHAT_KEY) as other:
        answer = await other.post("/v1/chat/completions", json=body)
    assert answer.status_code == 403
    assert "characters" in answer.json()["error"]["message"]


CLIP = {"type": "video_url", "video_url": {"url": "https://example.com/v.mp4"}}
PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


@pytest.mark.parametrize(
    ("model", "parts", "words"),
    [
        ("sora_image", [{"type": "text", "text": "x"}, CLIP], "the video in 'messages'"),
        ("sora_video2", [{"type": "text", "text": "x"}, PICTURE, PICTURE], "at most 1"),
        ("sora_video2", [{"type": "text", "text": "x" * 32_001}], "the prompt in 'messages'"),
    ],
)
async def test_what_a_message_cannot_hold(
    client: httpx2.AsyncClient, model: str, parts: list[Any], words: str
) -> None:
    """The error speaks of what was sent, not of the fields of other routes."""
    answer = await client.post("/v1/chat/completions", json=_talk(model, parts))
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, "messages")
    assert words in error["message"]


@pytest.mark.parametrize("is_query", [True, False])
async def test_parameters(gateway: Gateway, client: httpx2.AsyncClient, is_query: bool) -> None:
    """Those of every route, in the body and in the query."""
    gateway.generations.script = [gateway.generations.completes]
    given = {"seconds": "15", "size": "1280x720", "style": "anime", "hd": "true", "private": "true"}
    answer = await client.post(
        "/v1/chat/completions",
        params=given if is_query else {},
        json=_body("sora_video2", **({} if is_query else given)),
    )
    assert answer.status_code == 200
    (request,) = gateway.generations.submitted[-1]
    assert (request.duration_s, request.size, request.style, request.hd, request.private) == (
        15,
        "1792x1024",
        "anime",
        True,
        True,
    )


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_several_pictures_for_those_who_ask(live: Gateway, is_streamed: bool) -> None:
    """``n`` results are ``images`` of one message, numbered."""
    live.generations.script = [live.generations.completes]
    async with client_of(live) as client:
        body = _body(modalities=["image"], n=2, stream=is_streamed)
        answer = await client.post("/v1/chat/completions", json=body)
    if is_streamed:
        (images,) = [
            chunk["choices"][0]["delta"]["images"]
            for chunk in _deltas(answer.text)
            if "images" in chunk["choices"][0]["delta"]
        ]
    else:
        (choice,) = answer.json()["choices"]
        images = choice["message"]["images"]
    assert [image["index"] for image in images] == [0, 1]


# --- text models --------------------------------------------------------------------------------------------


async def test_prompt_worded(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """The better prompt is the answer; there is no job."""
    answer = await client.post("/v1/chat/completions", json=_body("prompt-enhance-long-15s|[free]"))
    body = answer.json()
    (choice,) = body["choices"]
    assert (body["model"], choice["finish_reason"]) == ("prompt-enhance-long-15s|[free]", "stop")
    assert choice["message"] == {
        "role": "assistant",
        "content": "画小猫, long, 15 s, free",
        "refusal": None,
    }
    assert body["usage"]["prompt_tokens"] > 0
    assert body["usage"]["completion_tokens"] > 0
    assert gateway.generations.submitted == []


async def test_prompt_worded_in_a_stream(live: Gateway) -> None:
    """The grammar of every stream, with usage on wish."""
    body = _body("prompt-enhance-short-10s", stream=True, stream_options={"include_usage": True})
    async with client_of(live, CHAT_KEY) as client:
        answer = await client.post("/v1/chat/completions", json=body)
    assert answer.text.endswith("data: [DONE]\n\n")
    *chunks, last = _deltas(answer.text)
    assert [chunk["choices"][0]["delta"] for chunk in chunks] == [
        {"role": "assistant", "content": ""},
        {"content": "画小猫, short, 10 s, any"},
        {},
    ]
    assert last["usage"]["total_tokens"] > 0
    assert {chunk["model"] for chunk in (*chunks, last)} == {"prompt-enhance-short-10s"}


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize(("kind", "status"), [(ErrorKind.CONTENT_REFUSED, 400), (ErrorKind.NO_ACCOUNT, 503)])
async def test_prompt_refused(
    gateway: Gateway, client: httpx2.AsyncClient, is_streamed: bool, kind: ErrorKind, status: int
) -> None:
    """A real status, streamed or not."""
    gateway.app.state.services.enhancer.refusal = GatewayError(kind, "No cats.")
    answer = await client.post(
        "/v1/chat/completions", json=_body("prompt-enhance-long-15s", stream=is_streamed)
    )
    assert (answer.status_code, answer.json()["error"]["message"]) == (status, "No cats.")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/images/generations", {"prompt": "x"}),
        ("/v1/videos", {"prompt": "x"}),
        ("/v1/responses", {"input": "x"}),
        ("/v1/messages", {"messages": [{"role": "user", "content": "x"}], "max_tokens": 9}),
        ("/v1beta/models/prompt-enhance-long-15s:generateContent", {"contents": "x"}),
    ],
)
async def test_text_models_are_for_chat_only(
    client: httpx2.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    """Elsewhere they are refused with a hint."""
    answer = await client.post(path, json={"model": "prompt-enhance-long-15s", **body})
    assert answer.status_code == 400
    assert "text model, for chat only" in answer.json()["error"]["message"]


# --- names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]}),
        ("/v1/videos", {"prompt": "x"}),
        ("/v1/responses", {"input": "x"}),
        ("/v1/messages", {"messages": [{"role": "user", "content": "x"}], "max_tokens": 9}),
        ("/v1beta/models/my-video|[free]:generateContent", {"contents": "x"}),
    ],
)
async def test_own_aliases(tmp_path: Path, path: str, body: dict[str, Any]) -> None:
    """The operator's names work in every dialect, with groups too."""
    policy = Policy(aliases=with_aliases({"my-video": "sora_video2-pro-25s"}))
    gateway = await build_gateway(tmp_path, policy=policy)
    gateway.generations.script = [gateway.generations.completes]
    async with client_of(gateway) as client:
        answer = await client.post(path, json={"model": "my-video|[free]", **body})
    assert answer.status_code == 200
    (request,) = gateway.generations.submitted[-1]
    assert (request.pro, request.duration_s, request.groups, request.model) == (
        True,
        25,
        ("free",),
        "my-video|[free]",
    )


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("gpt-image", "1024x1024"),
        ("gpt-image-landscape", "1536x1024"),
        ("gpt-image-portrait", "1024x1536"),
        ("sora2-landscape-10s", "1280x720"),
        ("sora2-portrait-25s", "720x1280"),
        ("sora2pro-landscape-10s", "1280x720"),
        ("sora2pro-hd-portrait-15s", "1024x1792"),
    ],
)
async def test_names_of_sora2api(gateway: Gateway, client: httpx2.AsyncClient, name: str, size: str) -> None:
    """They work as they are."""
    gateway.generations.script = [gateway.generations.completes]
    await _said(client, _body(name))
    assert gateway.generations.submitted[-1][0].size == size
