"""People who know one client only: each gets a picture and a video, and sees the work of all dialects."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx2
import pytest
import pytest_asyncio
from google import genai
from google.genai import types

from tests.functional.harness import Gateway, Simulator, sse
from tests.functional.stage import film_of, has_orange, picture, picture_of, staged

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A gateway, the simulated backend behind it, and the keys of two people."""

    simulator: Simulator
    gateway: Gateway
    key: str
    other_key: str

    async def open(self, link: str) -> bytes:
        """Open a link as a browser does: without a key."""
        async with httpx2.AsyncClient(timeout=30) as browser:
            return (await browser.get(link)).raise_for_status().content

    async def row(self, prompt: str) -> dict[str, Any]:
        """Return the one task of the backend with that prompt."""
        (found,) = [row for row in await self.simulator.creations() if row["prompt"] == prompt]
        return found

    async def check_seen_everywhere(self, job_id: str) -> None:
        """Check that every dialect shows the job to its owner, and none to anybody else."""
        kind = job_id.partition("_")[0]
        paths = [f"/files/{job_id}", f"/files/{job_id}/content"]
        paths += [f"/videos/{job_id}", f"/videos/{job_id}/content"] if kind == "video" else []
        async with self.gateway.client(self.key) as own, self.gateway.client(self.other_key) as strange:
            for path in paths:
                assert (await own.get(path)).status_code == 200, path
                assert (await strange.get(path)).status_code == 404, path
            if kind == "video":
                assert job_id in [job["id"] for job in (await own.get("/videos?limit=100")).json()["data"]]
                assert job_id not in (await strange.get("/videos?limit=100")).text
        file_id = job_id.replace("_", "")
        async with _gemini(self, self.key).aio as own, _gemini(self, self.other_key).aio as strange:
            assert await own.files.download(file=f"files/{file_id}")
            with pytest.raises(genai.errors.ClientError) as unknown:
                await strange.files.download(file=f"files/{file_id}")
            assert unknown.value.code == 404
            if kind == "video":
                name = f"models/sora_video2/operations/{job_id}"
                operation = await own.operations.get(types.GenerateVideosOperation(name=name))
                assert operation.done
                with pytest.raises(genai.errors.ClientError):
                    await strange.operations.get(types.GenerateVideosOperation(name=name))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One gateway for all of them."""
    async with staged(tmp_path_factory.mktemp("people")) as (simulator, gateway):
        yield World(simulator=simulator, gateway=gateway, key=gateway.new_key(), other_key=gateway.new_key())


def _link_in(text: str) -> str:
    """Return the link that a chat client would show."""
    found = re.search(r"!\[image\]\((\S+)\)|<video src=\"(\S+?)\"|\[Download video\]\((\S+)\)", text)
    assert found is not None, text
    return next(link for link in found.groups() if link)


def _job_in(link: str) -> str:
    found = re.search(r"/v1/files/((?:image|video)_[0-9a-z]{26})/", link)
    assert found is not None, link
    return found[1]


# --- Anthropic --------------------------------------------------------------------------------------------


def _anthropic(world: World) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(api_key=world.key, base_url=f"{world.gateway.url}/sora", max_retries=0)


async def _said(client: anthropic.AsyncAnthropic, model: str, messages: list[Any], **extra: Any) -> str:
    message = await client.messages.create(
        model=model, max_tokens=1024, messages=messages, extra_body=extra or None
    )
    (block,) = message.content
    assert block.type == "text"
    return block.text


async def test_anthropic_person(world: World) -> None:
    """A picture, a darker one, a video as a stream, a darker one: by messages alone."""
    async with _anthropic(world) as client:
        talk: list[Any] = [{"role": "user", "content": "an anthropic boat"}]
        text = await _said(client, "sora_image", talk, size="1536x1024")
        first = _link_in(text)
        assert picture_of(await world.open(first)).size == (1536, 1024)
        talk += [
            {"role": "assistant", "content": text},
            {"role": "user", "content": "make it darker, Claude"},
        ]
        second = _link_in(await _said(client, "sora_image", talk))
        assert picture_of(await world.open(second)).size[0] > 0

        talk = [{"role": "user", "content": "an anthropic film"}]
        async with client.messages.stream(
            model="sora_video2-landscape", max_tokens=1024, messages=talk
        ) as stream:
            text = "".join([piece async for piece in stream.text_stream])
        third = _link_in(text)
        film = film_of(await world.open(third))
        assert (film.size, film.seconds) == ((1280, 720), 10)
        talk += [{"role": "assistant", "content": text}, {"role": "user", "content": "darker film, Claude"}]
        fourth = _link_in(await _said(client, "sora_video2", talk))
        assert film_of(await world.open(fourth)).seconds == 10
    assert len((await world.row("make it darker, Claude"))["body"]["inpaint_items"]) == 1
    assert (await world.row("darker film, Claude"))["remix_target_id"]
    for link in (first, second, third, fourth):
        await world.check_seen_everywhere(_job_in(link))


# --- Gemini -----------------------------------------------------------------------------------------------


def _gemini(world: World, key: str) -> genai.Client:
    options: Any = {"base_url": f"{world.gateway.url}/sora", "async_client_args": {"trust_env": False}}
    return genai.Client(api_key=key, http_options=options)


def _file_of(answer: types.GenerateContentResponse) -> tuple[str, str]:
    """Return the link in the text and the uri of the file."""
    texts = [part.text for part in answer.parts or [] if part.text and not part.thought]
    (uri,) = [part.file_data.file_uri for part in answer.parts or [] if part.file_data]
    assert uri is not None
    return _link_in("\n".join(texts)), uri


async def test_gemini_person(world: World) -> None:
    """A picture, one from it, a video as a stream and one more in a chat: by contents alone."""
    client = _gemini(world, world.key)
    async with client.aio as aio:
        answer = await aio.models.generate_content(model="sora_image", contents="a gemini boat")
        (data,) = [part.inline_data.data for part in answer.parts or [] if part.inline_data]
        assert data is not None
        assert picture_of(data).size == (1024, 1024)
        sent = types.Part.from_bytes(data=picture(), mime_type="image/jpeg")
        answer = await aio.models.generate_content(model="sora_image", contents=[sent, "darker, Gemini"])
        (data,) = [part.inline_data.data for part in answer.parts or [] if part.inline_data]
        assert data is not None
        assert has_orange(picture_of(data))

        pieces = [
            piece
            async for piece in await aio.models.generate_content_stream(
                model="sora_video2", contents="a gemini film"
            )
        ]
        assert any(part.thought for piece in pieces for part in piece.parts or [])
        first, uri = _file_of(pieces[-1])
        film = film_of(await world.open(first))
        assert (film.size, film.seconds) == ((720, 1280), 10)
        assert film_of(await aio.files.download(file=uri)).seconds == 10

        chat = aio.chats.create(model="sora_video2")
        second, _ = _file_of(await chat.send_message("another gemini film"))
        third, _ = _file_of(await chat.send_message("darker film, Gemini"))
        assert film_of(await world.open(third)).seconds == 10
    assert (await world.row("darker film, Gemini"))["remix_target_id"]
    for link in (first, second, third):
        await world.check_seen_everywhere(_job_in(link))


# --- a chat page ------------------------------------------------------------------------------------------

# What such pages send beside model and messages.
EXTRA = {
    "stream_options": {"include_usage": True},
    "temperature": 0.7,
    "params": {},
    "tool_servers": [],
    "features": {"image_generation": False, "code_interpreter": False, "web_search": False, "memory": False},
    "variables": {"{{USER_NAME}}": "Ann", "{{CURRENT_DATE}}": "2026-11-22"},
    "session_id": "Zk2bqd",
    "chat_id": "5b3c8f5e-9c6d-4a1c-8d42-2d7f0c9b7a11",
    "id": "0a7e9d52-1f64-4c0b-b2a0-7a0f0b0f3f3e",
    "background_tasks": {"title_generation": True, "tags_generation": True, "follow_up_generation": True},
    "metadata": {"task": "title_generation", "chat_id": "5b3c8f5e"},
}


async def _chat(world: World, model: str, messages: list[dict[str, Any]]) -> str:
    """Send a conversation as a chat page does, and return what it would show."""
    body = {"model": model, "messages": messages, "stream": True, **EXTRA}
    shown, thoughts, last = "", "", ""
    async with (
        world.gateway.client(world.key) as client,
        client.stream("POST", "/chat/completions", json=body) as response,
    ):
        assert response.status_code == 200, await response.aread()
        async for event in sse(response):
            last = event["data"]
            if last == "[DONE]":
                continue
            for choice in json.loads(last)["choices"]:
                shown += choice["delta"].get("content") or ""
                thoughts += choice["delta"].get("reasoning_content") or ""
    assert last == "[DONE]"
    assert thoughts
    return shown


async def test_chat_page_person(world: World) -> None:
    """A picture, a darker one, a video of it, a darker video: with the history, as the page sends it."""
    system = {"role": "system", "content": "You are a helpful assistant."}
    talk: list[dict[str, Any]] = [system, {"role": "user", "content": "a boat on a page"}]
    links = []
    for model, answer_to, size in (
        ("sora_image", "make it darker, page", (1024, 1024)),
        ("sora_image", "let it move, page", (1024, 1024)),
        ("sora_video2", "make the film darker, page", (720, 1280)),
        ("sora_video2", "", (720, 1280)),
    ):
        shown = await _chat(world, model, talk)
        links.append(_link_in(shown))
        data = await world.open(links[-1])
        seen = picture_of(data).size if model == "sora_image" else film_of(data).size
        assert seen == size
        talk += [{"role": "assistant", "content": shown}, {"role": "user", "content": answer_to}]
    darker, moving = await world.row("make it darker, page"), await world.row("let it move, page")
    assert [len(row["body"]["inpaint_items"]) for row in (darker, moving)] == [1, 1]
    assert (await world.row("make the film darker, page"))["remix_target_id"]
    async with world.gateway.client(world.key) as client:
        last = (await client.get(f"/videos/{_job_in(links[3])}")).raise_for_status().json()
    assert last["remixed_from_video_id"] == _job_in(links[2])
    for link in links:
        await world.check_seen_everywhere(_job_in(link))


async def test_chat_page_with_picture(world: World) -> None:
    """A picture that is pasted into the page arrives, and the model list has what the page offers."""
    async with world.gateway.client(world.key) as client:
        models = {model["id"] for model in (await client.get("/models")).raise_for_status().json()["data"]}
    assert {"sora_image", "sora_video2"} <= models
    url = f"data:image/png;base64,{base64.b64encode(picture(encoding='PNG')).decode()}"
    parts = [{"type": "text", "text": "in comic"}, {"type": "image_url", "image_url": {"url": url}}]
    shown = await _chat(world, "sora_image", [{"role": "user", "content": parts}])
    assert has_orange(picture_of(await world.open(_link_in(shown))))
