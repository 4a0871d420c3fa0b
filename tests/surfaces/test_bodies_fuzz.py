"""Whatever JSON a dialect is sent: it is done, or refused in the dialect's own words."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fakes import PNG
from tests.fuzzing import json_values, mutated, texts, tries
from tests.gateway import KEY, Gateway

LONGEST_S = 10.0
ANTHROPIC = {"anthropic-version": "2023-06-01", "x-api-key": KEY}
GOOGLE = {"x-goog-api-key": KEY}
PIXELS = "iVBORw0KGgo="
PICTURE = f"data:image/png;base64,{PIXELS}"
TALK = [
    {"role": "system", "content": "x"},
    {"role": "user", "content": [{"type": "text", "text": "a boat"}]},
    {"role": "assistant", "content": "what size?"},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "large"},
            {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}},
        ],
    },
]
SAID = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "a boat"},
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": PIXELS},
            },
        ],
    }
]
INPUT = [
    {"role": "assistant", "content": "what shall it be?"},
    {
        "role": "user",
        "content": [{"type": "input_text", "text": "a boat"}, {"type": "input_image", "image_url": PICTURE}],
    },
]
CONTENTS = [
    {
        "role": "user",
        "parts": [{"text": "a boat"}, {"inlineData": {"mimeType": "image/png", "data": PIXELS}}],
    }
]
BOARD = "[5.0s]a cat runs to the window\n[5.0s]it looks out"
VIDEO = {
    "model": "sora_video2",
    "prompt": BOARD,
    "seconds": "10",
    "size": "720x1280",
    "style": "anime",
    "input_reference": {"image_url": PICTURE},
    "metadata": {"a": "b"},
}
IMAGE = {
    "model": "sora_image",
    "prompt": "a kitten",
    "n": 2,
    "size": "1024x1024",
    "response_format": "url",
    "output_format": "webp",
    "stream": False,
    "partial_images": 0,
}
HOOK = {"url": "https://example.org/hook", "name": "h", "event_types": ["video.completed"]}
MODELS = "/v1beta/models/sora_video2"

ASKED: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "videos": ("/v1/videos", VIDEO, {}),
    "remix": ("/v1/videos/{video}/remix", {"prompt": "more rain"}, {}),
    "edits": ("/v1/videos/edits", {"prompt": "more rain", "video": {"id": "{video}"}}, {}),
    "extensions": ("/v1/videos/extensions", {"prompt": "on", "seconds": "8", "video": {"id": "{video}"}}, {}),
    "characters": ("/v1/characters", {"name": "Rusty", "video": "data:video/mp4;base64,AAAAGGZ0eXA="}, {}),
    "images": ("/v1/images/generations", IMAGE, {}),
    "image edits": ("/v1/images/edits", IMAGE | {"image": PICTURE}, {}),
    "variations": ("/v1/images/variations", {"image": PICTURE, "n": 1}, {}),
    "chat": (
        "/v1/chat/completions",
        {"model": "sora_video2", "messages": TALK, "stream": False, "n": 1, "seed": 1, "stop": ["x"]},
        {},
    ),
    "responses": (
        "/v1/responses",
        {"model": "sora_video2", "input": INPUT, "stream": False, "tools": [{"type": "image_generation"}]},
        {},
    ),
    "webhooks": ("/v1/webhook_endpoints", HOOK, {}),
    "messages": (
        "/v1/messages",
        {"model": "sora_video2", "messages": SAID, "max_tokens": 9, "system": "x", "stream": False},
        ANTHROPIC,
    ),
    "generate": (
        f"{MODELS}:generateContent",
        {
            "contents": CONTENTS,
            "generationConfig": {"candidateCount": 1, "imageConfig": {"aspectRatio": "16:9"}},
        },
        GOOGLE,
    ),
    "long running": (
        f"{MODELS}:predictLongRunning",
        {
            "instances": [{"prompt": "a boat", "image": {"bytesBase64Encoded": PIXELS}}],
            "parameters": {"aspectRatio": "9:16", "durationSeconds": 10, "sampleCount": 1},
        },
        GOOGLE,
    ),
    "predict": (
        "/v1beta/models/sora_image:predict",
        {"instances": [{"prompt": "a cat"}], "parameters": {"sampleCount": 1}},
        GOOGLE,
    ),
}


def is_in_its_words(headers: dict[str, str], said: Any) -> bool:
    """Tell whether an error has the shape that the dialect's SDKs read."""
    error = said["error"]
    if headers is ANTHROPIC:
        return said["type"] == "error" and {"type", "message"} <= set(error)
    if headers is GOOGLE:
        return {"code", "message", "status"} <= set(error)
    return set(error) == {"message", "type", "param", "code"}


async def sent(client: httpx2.AsyncClient, path: str, body: Any, headers: dict[str, str]) -> httpx2.Response:
    """Send what a caller could: any JSON, halves of characters and endless numbers included."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with asyncio.timeout(LONGEST_S):
        return await client.post(
            path, content=content, headers={"content-type": "application/json", **headers}
        )


async def made(gateway: Gateway, client: httpx2.AsyncClient) -> str:
    """Let all jobs end at once; return the id of a finished video."""
    gateway.generations.script, gateway.generations.step_s = (gateway.generations.completes,), 0.0
    answer = await client.post("/v1/videos", json={"model": "sora_video2", "prompt": "x"})
    await client.get(f"/v1/videos/{answer.json()['id']}/events")
    return str(answer.json()["id"])


@pytest.mark.parametrize("name", ASKED)
async def test_what_was_not_changed_is_understood(
    gateway: Gateway, client: httpx2.AsyncClient, name: str
) -> None:
    """The bodies that are changed below are good ones."""
    path, body, headers = ASKED[name]
    video = await made(gateway, client)
    body = json.loads(json.dumps(body).replace("{video}", video))
    answer = await sent(client, path.replace("{video}", video), body, headers)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("name", ASKED)
@given(data=st.data())
@tries(25)
async def test_nearly_right_bodies(
    gateway: Gateway, client: httpx2.AsyncClient, name: str, data: st.DataObject
) -> None:
    """One to three places of a good body are gone, doubled or something else."""
    path, body, headers = ASKED[name]
    video = await made(gateway, client)
    body = json.loads(json.dumps(body).replace("{video}", video))
    body = data.draw(mutated(body, json_values | st.sampled_from([TALK, VIDEO, PICTURE, True, ["x"], {}])))
    answer = await sent(client, path.replace("{video}", video), body, headers)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert is_in_its_words(headers, answer.json())


anything = st.one_of(
    json_values,
    st.dictionaries(
        st.sampled_from(["model", "prompt", "messages", "input", "contents", "instances", "n"]), json_values
    ),
    st.binary(max_size=30),
    st.sampled_from(
        [b"", b"[" * 5000, b'{"a":' * 5000, b'{"prompt": "\\ud800"}', b"\xef\xbb\xbf{}", b'{"n": 1e999}']
    ),
)


@pytest.mark.parametrize(
    "name", ["videos", "images", "chat", "responses", "messages", "generate", "long running"]
)
@given(body=anything)
@tries(25)
async def test_anything_at_all(client: httpx2.AsyncClient, name: str, body: Any) -> None:
    """Bytes that are no JSON, JSON that is no object, objects of nonsense."""
    path, _, headers = ASKED[name]
    answer = await sent(client, path, body, headers)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert is_in_its_words(headers, answer.json())


stamps = st.lists(st.sampled_from("[]()0123456789.,:s-→~ \n\t\r") | texts, max_size=12).map("".join)


@given(
    prompt=stamps,
    model=texts
    | st.lists(st.sampled_from(["sora_video2", "-", "pro", "hd", "15s", "x"]), max_size=5).map("".join),
)
@example(prompt="[5.0s]" * 3000, model="sora_video2")
@example(prompt=f"[{'9' * 5000}s]x", model="sora_video2")
@example(prompt="x", model="sora_video2-" + "9" * 5000 + "s")
@tries(80)
async def test_any_storyboard_and_model_name(client: httpx2.AsyncClient, prompt: str, model: str) -> None:
    """Texts that nearly are timelines; names that nearly are in the catalogue."""
    answer = await sent(client, "/v1/videos", {"model": model, "prompt": prompt}, {})
    assert answer.status_code < 500, answer.text


async def test_the_picture_is_one(gateway: Gateway) -> None:
    """What the bodies above carry passes for a picture."""
    assert PNG.startswith(b"\x89PNG\r\n\x1a\n")
    assert (await gateway.generations.store_input(b"\x89PNG\r\n\x1a\n", param="x")).media_type == "image/png"
