"""How a request is taken in."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from sora_gateway.domain.licences import Licence, Permission
from sora_gateway.licences.keys import hash_key
from tests.fakes import PNG
from tests.gateway import Gateway, client_of

URL = "https://example.com/a.png"
PICTURE = {"type": "image", "source": {"type": "url", "url": URL}}


def _body(model: str = "sora_video2", **fields: Any) -> dict[str, Any]:
    content = [PICTURE, {"type": "text", "text": "x"}]
    return {"model": model, "messages": [{"role": "user", "content": content}], **fields}


async def test_fields_are_checked_before_pictures_are_fetched(
    gateway: Gateway, client: httpx2.AsyncClient
) -> None:
    """A wrong field costs no fetch."""
    answer = await client.post("/v1/messages", json=_body(seconds="99"))
    assert answer.status_code == 400
    assert "'seconds'" in answer.json()["error"]["message"]
    assert gateway.generations.fetched == []


async def test_pictures_reach_every_sibling(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Inputs are stored once and belong to all jobs of the request."""
    gateway.generations.script = [gateway.generations.completes]
    await client.post("/v1/messages", json=_body(n=2))
    (requests,) = gateway.generations.submitted
    assert len(requests) == 2
    assert requests[0].inputs == requests[1].inputs
    assert gateway.generations.fetched == [("messages", URL)]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"character_url": "https://example.com/v.mp4"}, 403),
        ({"character_create": "true"}, 403),
        ({"characters": [{"id": "char_1"}]}, 403),
        ({"character_create": False}, 200),
        ({"characters": []}, 200),
    ],
)
async def test_characters_need_their_permission(
    gateway: Gateway, fields: dict[str, object], status: int
) -> None:
    """Without it 403, never ignored; what is not asked for needs none."""
    gateway.generations.script = [gateway.generations.completes]
    permissions = frozenset({Permission.MESSAGES})
    licence = Licence(id="messages-only", name="x", key_hint="x", permissions=permissions, created_at=0.0)
    await gateway.licences.put(licence, hash_key("sg-messages"))
    async with client_of(gateway, "sg-messages") as client:
        answer = await client.post("/v1/messages", json=_body(**fields))
    assert answer.status_code == status
    assert status == 200 or "characters" in answer.json()["error"]["message"]


async def test_what_is_ignored_is_logged(
    gateway: Gateway, client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Unknown fields and blocks are ignored, and the operator can see which."""
    gateway.generations.script = [gateway.generations.completes]
    caplog.set_level("INFO")
    body = _body(colour="red")
    body["messages"][0]["content"].append({"type": "document", "source": {}})
    assert (await client.post("/v1/messages", json=body)).status_code == 200
    logged = [record.getMessage() for record in caplog.records]
    assert any("colour" in line for line in logged)
    assert any("document" in line for line in logged)


async def test_query_parameters_count(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Parameters may stand in the query, but not contradict the body."""
    gateway.generations.script = [gateway.generations.completes]
    assert (await client.post("/v1/messages?seconds=15&beta=true", json=_body())).status_code == 200
    assert gateway.generations.submitted[0][0].duration_s == 15
    bad = await client.post("/v1/messages?seconds=15", json=_body(seconds=10))
    assert bad.status_code == 400
    assert "'seconds'" in bad.json()["error"]["message"]


async def test_idempotency_key(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """The same request under one key is one job; another one is refused and not to be repeated."""
    gateway.generations.script = [gateway.generations.completes]
    headers = {"idempotency-key": "k"}
    for _ in range(2):
        assert (await client.post("/v1/messages", json=_body(), headers=headers)).status_code == 200
    assert len(gateway.generations.histories) == 1
    other = await client.post("/v1/messages", json=_body(seconds=15), headers=headers)
    assert (other.status_code, other.headers["x-should-retry"]) == (409, "false")


async def test_what_was_made_before_is_changed(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A picture or a video of an earlier answer; a video that the text names comes first."""
    gateway.generations.script = [gateway.generations.completes]

    async def say(model: str, *turns: str) -> str:
        messages = [
            {"role": role, "content": [{"type": "text", "text": text}]}
            for role, text in zip(["user", "assistant", "user"], turns, strict=False)
        ]
        answer = await client.post("/v1/messages", json={"model": model, "messages": messages})
        assert answer.status_code == 200
        return str(answer.json()["content"][0]["text"])

    picture, video = await say("sora_image", "a cat"), await say("sora_video2", "a cat")
    video_id = next(job_id for job_id in gateway.generations.histories if job_id.startswith("video_"))
    await say("sora_image", "a cat", picture, "darker")
    (request,) = gateway.generations.submitted[-1]
    assert (request.prompt, len(request.inputs), request.remix) == ("darker", 1, None)
    for turns in (("a cat", video, "darker"), ("a cat", picture, f"darker {video_id}")):
        await say("sora_video2", *turns)
        (request,) = gateway.generations.submitted[-1]
        assert request.remix
        assert (request.prompt, request.inputs, request.remix.job_id) == ("darker", (), video_id)


async def test_pictures_by_the_id_of_a_file(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """What was uploaded, and a finished picture by its job's id; anything else is refused by name."""
    gateway.generations.script = [gateway.generations.completes]
    upload = await client.post("/v1/files", files={"file": ("a.png", PNG)}, data={"purpose": "vision"})
    await client.post("/v1/images/generations", json={"prompt": "x"})
    picture_id = next(iter(gateway.generations.histories))

    def body(file_id: str) -> dict[str, Any]:
        content = [
            {"type": "image", "source": {"type": "file", "file_id": file_id}},
            {"type": "text", "text": "x"},
        ]
        return {"model": "sora_image", "messages": [{"role": "user", "content": content}]}

    for file_id in (upload.json()["id"], picture_id):
        answer = await client.post("/v1/messages", json=body(file_id))
        assert answer.status_code == 200, answer.text
        assert len(gateway.generations.submitted[-1][0].inputs) == 1
    assert [data for _, data in gateway.generations.stored] == [PNG, PNG + b"\x00"]
    unknown = await client.post("/v1/messages", json=body("file_unknown"))
    assert (unknown.status_code, "file_unknown" in unknown.json()["error"]["message"]) == (400, True)
