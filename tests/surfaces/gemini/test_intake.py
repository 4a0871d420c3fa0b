"""Requests, taken in."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Licence, Permission
from sora_gateway.licences.keys import hash_key
from tests.fakes import STARTED_AT
from tests.gateway import Gateway, until
from tests.surfaces.gemini.wiring import gemini_client

BODY = {"instances": [{"prompt": "x"}]}


async def _start(client: httpx2.AsyncClient, model: str = "sora_video2", **fields: Any) -> httpx2.Response:
    return await client.post(
        f"/v1beta/models/{model}:predictLongRunning", json=BODY | fields, headers={"Idempotency-Key": "k"}
    )


async def test_idempotency(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """The same once; another body or another model under the same key is a conflict."""
    first, again = await _start(client), await _start(client)
    assert first.json()["name"] == again.json()["name"]
    assert len(gateway.generations.histories) == 1
    for other in (await _start(client, parameters={"seed": 1}), await _start(client, "sora_video2-hd")):
        assert other.status_code == 409
        assert other.headers["x-should-retry"] == "false"


async def test_fields_are_checked_before_pictures(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Nothing is fetched for what is refused anyway."""
    instance = {"prompt": "x", "image": {"uri": "https://example.com/a.png"}}
    answer = await _start(client, instances=[instance], parameters={"durationSeconds": 7})
    assert answer.status_code == 400
    assert gateway.generations.fetched == []
    assert (await _start(client, instances=[instance])).status_code == 200
    assert gateway.generations.fetched == [("image", "https://example.com/a.png")]
    assert len(gateway.generations.submitted[0][0].inputs) == 1


async def test_characters_need_their_permission(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """403 without it, never ignored; with it they are made."""
    licence = Licence(
        id="l",
        name="n",
        key_hint="h",
        permissions=frozenset({Permission.GEMINI}),
        created_at=STARTED_AT,
    )
    await gateway.licences.put(licence, hash_key("sg-gemini-alone"))
    async with gemini_client(gateway, "sg-gemini-alone") as poor:
        assert (await _start(poor, character_create=True)).status_code == 403
        assert (await _start(poor, character_create=False)).status_code == 200
    assert (await _start(client, character_create=True)).status_code == 200


async def test_unknown_fields_are_logged(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, by name."""
    with caplog.at_level("INFO"):
        await _start(client, newThing=1)
    assert "new_thing" in caplog.text


@pytest.mark.parametrize("kind", [ErrorKind.NO_ACCOUNT, ErrorKind.QUEUE_FULL])
async def test_refusals_of_the_engine(gateway: Gateway, client: httpx2.AsyncClient, kind: ErrorKind) -> None:
    """With their own status."""
    gateway.generations.refusal = GatewayError(kind, "No.")
    answer = await _start(client)
    assert answer.json()["error"]["details"][0]["reason"] == kind.value.upper()


async def test_what_was_made_before_is_changed(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A picture that the model gave, a link of its, or a video that the text names."""
    gateway.generations.script = [gateway.generations.completes]

    async def say(model: str, *turns: list[dict[str, Any]], **fields: Any) -> list[dict[str, Any]]:
        contents = [
            {"role": role, "parts": parts}
            for role, parts in zip(["user", "model", "user"], turns, strict=False)
        ]
        answer = await client.post(
            f"/v1beta/models/{model}:generateContent", json={"contents": contents, **fields}
        )
        assert answer.status_code == 200, answer.text
        parts: list[dict[str, Any]] = answer.json()["candidates"][0]["content"]["parts"]
        return parts

    cat, darker = [{"text": "a cat"}], [{"text": "darker"}]
    picture, video = await say("sora_image", cat), await say("sora_video2", cat)
    video_id = next(job_id for job_id in gateway.generations.histories if job_id.startswith("video_"))
    await say("sora_image", cat, picture, darker)
    (request,) = gateway.generations.submitted[-1]
    assert (request.prompt, len(request.inputs), request.remix) == ("darker", 1, None)
    config = {"generationConfig": {"imageConfig": {"aspectRatio": "16:9"}}}
    for turns in ((cat, video, darker), (cat, picture, [{"text": f"darker {video_id}"}])):
        await say("sora_video2", *turns, **config)
        (request,) = gateway.generations.submitted[-1]
        assert request.remix
        assert (request.prompt, request.inputs, request.remix.job_id) == ("darker", (), video_id)
        assert request.size == "1280x720"


async def test_a_change_in_googles_words(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """What they say counts in a change too, and what cannot be done is refused in them."""
    gateway.generations.script = [gateway.generations.completes]
    await client.post("/v1/videos", json={"prompt": "x", "model": "sora_video2"})
    (video_id,) = gateway.generations.histories
    await until(lambda: gateway.generations.job(video_id).is_final)
    for parameters, param in (
        ({"aspectRatio": "4:3"}, "aspectRatio"),
        ({"durationSeconds": 7}, "durationSeconds"),
    ):
        answer = await _start(client, remix_target_id=video_id, parameters=parameters)
        assert answer.status_code == 400
        assert f"'{param}'" in answer.json()["error"]["message"]
    parameters = {"aspectRatio": "16:9", "durationSeconds": 15}
    assert (await _start(client, remix_target_id=video_id, parameters=parameters)).status_code == 200
    (request,) = gateway.generations.submitted[-1]
    assert request.remix
    assert (request.size, request.duration_s) == ("1280x720", 15)
