"""Requests of all dialects are taken in the same way; see the dialects' own tests for the whole of it."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from sora_gateway.domain.priorities import Priority
from tests.fakes import MP4
from tests.gateway import CHAT_KEY, Gateway, client_of, served


@pytest.fixture
async def gateway(tmp_path):  # type: ignore[no-untyped-def]
    async with served(tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ({}, 200),
        ({"character_timestamps": "0,3"}, 200),
        ({"character_create": False}, 200),
        ({"character_url": "https://example.org/a.mp4"}, 403),
        ({"character_timestamps": "1,3"}, 403),
        ({"character_timestamps": "nonsense"}, 403),
        ({"character_create": "nonsense"}, 403),
        ({"characters": [{"id": "ch_1"}]}, 403),
    ],
)
async def test_characters_need_their_permission(gateway: Gateway, extra: dict[str, Any], status: int) -> None:
    """Whoever asks for a character needs the permission; the defaults ask for none."""
    body = {"model": "sora_video2", "messages": [{"role": "user", "content": "x"}], "stream": True, **extra}
    headers = {"Authorization": f"Bearer {CHAT_KEY}"}
    async with (
        client_of(gateway) as client,
        client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer,
    ):
        assert answer.status_code == status


JOB = "video_" + "0" * 26


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/images/generations", {"prompt": "x", "remix_target_id": JOB}, "remix_target_id"),
        (
            "/v1/images/generations",
            {"prompt": "x", "model": "sora_video2", "remix_target_id": JOB},
            "model",
        ),
        ("/v1/images/generations", {"prompt": "x", "character_create": True}, "character_create"),
        ("/v1/videos", {"prompt": "x", "model": "sora_video", "remix_target_id": JOB}, "remix_target_id"),
        ("/v1/videos", {"prompt": "x", "remix_target_id": "nothing"}, "remix_target_id"),
        ("/v1/videos", {"prompt": "x", "character_timestamps": "1,3"}, "character_timestamps"),
        (
            f"/v1/videos/{JOB}/remix",
            {"prompt": "x", "remix_target_id": "video_" + "1" * 26},
            "remix_target_id",
        ),
    ],
)
async def test_fields_that_a_route_lacks(
    gateway: Gateway, path: str, body: dict[str, Any], param: str
) -> None:
    """A field that has no meaning there is refused, and makes nothing of another kind."""
    async with client_of(gateway) as client:
        answer = await client.post(path, json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert gateway.generations.submitted == []


async def test_a_video_named_by_a_field(gateway: Gateway) -> None:
    """``remix_target_id`` makes any route of videos a remix; twice the same is no contradiction."""
    async with client_of(gateway) as client:
        first = await client.post("/v1/videos", json={"prompt": "x", "model": "sora_video2-15s"})
        source = first.json()["id"]
        gateway.generations.change(source, gateway.generations.completes)
        body = {"prompt": "y", "remix_target_id": source}
        for path in ("/v1/videos", f"/v1/videos/{source}/remix"):
            video = (await client.post(path, json=body)).json()
            assert (video["remixed_from_video_id"], video["seconds"]) == (source, "15")
        in_query = await client.post(f"/v1/videos?remix_target_id={source}", json={"prompt": "y"})
        assert in_query.json()["remixed_from_video_id"] == source


@pytest.mark.parametrize(
    ("fields", "files"),
    [
        ({"character_url": "https://a"}, 1),
        ({"character_from_task": JOB}, 1),
        ({}, 2),
    ],
)
async def test_two_clips(gateway: Gateway, fields: dict[str, str], files: int) -> None:
    """A character is made of one; the message says which field."""
    clips = [("character_url", ("a.mp4", MP4))] * files
    async with client_of(gateway) as client:
        answer = await client.post("/v1/videos", data={"prompt": "x", **fields}, files=clips)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "character_url")
    assert gateway.generations.stored == []


async def test_nothing_is_fetched_in_vain(gateway: Gateway) -> None:
    """Wrong fields, unknown characters and lengths are found before a clip is fetched."""
    clip = {"prompt": "x", "character_url": "https://a"}
    async with client_of(gateway) as client:
        for wrong in ({"seconds": 7}, {"characters": ["character_x"]}, {"model": "sora_image"}):
            assert (await client.post("/v1/videos", json={**clip, **wrong})).status_code == 400
    assert gateway.generations.fetched == []


TALK = [{"role": "user", "content": "a boat"}]
TIERED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("/v1/videos", {"prompt": "a boat"}, ["effective", "service_tier"]),
    ("/v1/chat/completions", {"model": "sora_image", "messages": TALK}, ["service_tier"]),
    ("/v1/responses", {"model": "sora_image", "input": "a boat"}, ["service_tier"]),
    ("/v1/images/generations", {"prompt": "a boat"}, []),
    ("/v1/messages", {"model": "sora_image", "messages": TALK, "max_tokens": 9}, []),
    ("/v1beta/models/sora_image:generateContent", {"contents": [{"parts": [{"text": "a boat"}]}]}, []),
]


@pytest.mark.parametrize(("path", "body", "place"), TIERED, ids=[row[0] for row in TIERED])
async def test_a_class_is_asked_for(
    gateway: Gateway, client: httpx2.AsyncClient, path: str, body: dict[str, Any], place: list[str]
) -> None:
    """``service_tier`` on every route; where the answer has such a field it says what was granted."""
    gateway.generations.script = [gateway.generations.completes]
    name = "serviceTier" if "v1beta" in path else "service_tier"
    for asked, wanted, shown in (("flex", Priority.LOW, "flex"), ("priority", Priority.HIGH, "default")):
        answer = await client.post(path, json={**body, name: asked})
        assert answer.status_code == 200, answer.text
        assert gateway.generations.submitted[-1][0].priority is wanted
        found = answer.json()
        for key in place:
            found = found[key]
        assert not place or found == shown
    refused = await client.post(path, json={**body, name: "gold"})
    assert refused.status_code == 400
    assert "allowed are auto, default, flex, priority" in refused.text


async def test_a_class_is_asked_for_in_the_query(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """As any parameter; without it the licence decides."""
    await client.post("/v1/videos?service_tier=flex", json={"prompt": "a boat"})
    await client.post("/v1/videos?service_tier=auto", json={"prompt": "a boat"})
    await client.post("/v1/videos", json={"prompt": "a boat"})
    assert [asked[0].priority for asked in gateway.generations.submitted] == [Priority.LOW, None, None]
