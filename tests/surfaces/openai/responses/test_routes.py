"""The Responses API over HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.licences.keys import hash_key
from tests.fakes import MP4, PNG, cancels, fails, progresses, starts
from tests.gateway import CHAT_KEY, KEY, Gateway, client_of, served, until

TOOL = {"type": "image_generation"}
NO_CATS = {
    "code": "image_content_policy_violation",
    "message": "No cats.",
    "type": "content_policy_violation",
}


def _body(model: str = "sora_image", **fields: Any) -> dict[str, Any]:
    return {"model": model, "input": "画小猫", **fields}


def _events(text: str) -> list[dict[str, Any]]:
    events = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    return events


def _names(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


async def test_image(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """An image call with bare base64, for a language model with the tool."""
    gateway.generations.script = [starts, gateway.generations.completes]
    body = _body("gpt-5", tools=[{**TOOL, "size": "1536x1024"}], metadata={"a": "b"}, instructions="x")
    answer = (await client.post("/sora/v1/responses", json=body)).json()
    assert (answer["object"], answer["status"], answer["error"]) == ("response", "completed", None)
    (item,) = answer["output"]
    assert (item["type"], item["status"], item["size"]) == (
        "image_generation_call",
        "completed",
        "1536x1024",
    )
    assert base64.b64decode(item["result"]) == PNG + b"\x00"
    assert answer["model"] == "sora_image"
    assert answer["tools"] == [{**TOOL, "size": "1536x1024"}]
    assert (answer["metadata"], answer["instructions"]) == ({"a": "b"}, "x")


async def test_video(live: Gateway) -> None:
    """A message with markdown; the link opens without a key."""
    live.generations.script = [starts, live.generations.completes]
    async with client_of(live) as client:
        answer = await client.post("/v1/responses", json=_body("sora_video2"))
    (item,) = answer.json()["output"]
    text = item["content"][0]["text"]
    assert text.startswith('<video src="http')
    link = re.search(r"\((http[^)]+)\)", text)
    assert link
    async with client_of(live, key=None) as browser:
        assert (await browser.get(link[1])).content == MP4


@pytest.mark.parametrize("model", ["sora_image", "sora_video2"])
async def test_several_results(gateway: Gateway, client: httpx2.AsyncClient, model: str) -> None:
    """``n`` items, of one job or of siblings, in the answer and afterwards."""
    gateway.generations.script = [gateway.generations.completes]
    answer = (await client.post("/v1/responses?n=2", json=_body(model))).json()
    assert len({item["id"] for item in answer["output"]}) == 2
    assert (await client.get(f"/v1/responses/{answer['id']}")).json()["output"] == answer["output"]


async def test_one_of_two_fails(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """What was made is given, what was not is said."""
    gateway.generations.step_s = 60
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(client.post("/v1/responses", json=_body("sora_video2", n=2)))
        await until(lambda: len(gateway.generations.histories) == 2)
        first, second = gateway.generations.histories
        gateway.generations.change(first, fails(ErrorKind.GENERATION_FAILED, "Bad luck."))
        gateway.generations.change(second, gateway.generations.completes)
    answer = asked.result().json()
    assert answer["status"] == "completed"
    texts = [item["content"][0]["text"] for item in answer["output"]]
    assert "Bad luck." in texts[0]
    assert f"/v1/files/{second}/video/0.mp4" in texts[1]


@pytest.mark.parametrize(
    ("picture", "fetched"),
    [
        ({"type": "input_image", "image_url": "https://example.com/a.png"}, "https://example.com/a.png"),
        ({"type": "input_image", "image_url": "iVBORw0KGgo="}, "iVBORw0KGgo="),
        ({"type": "input_file", "file_data": "data:image/png;base64,iVBO"}, "data:image/png;base64,iVBO"),
    ],
)
async def test_pictures(
    gateway: Gateway, client: httpx2.AsyncClient, picture: Mapping[str, str], fetched: str
) -> None:
    """References in the last message."""
    gateway.generations.script = [gateway.generations.completes]
    content = [{"type": "input_text", "text": "换个风格"}, picture]
    answer = await client.post(
        "/v1/responses", json=_body() | {"input": [{"role": "user", "content": content}]}
    )
    assert answer.status_code == 200
    assert gateway.generations.fetched == [("input", fetched)]
    ((request,),) = gateway.generations.submitted
    assert len(request.inputs) == 1


async def test_stream_of_an_image(live: Gateway) -> None:
    """The events of the contract in their order, numbered; the last has the whole response."""
    live.generations.script = [starts, progresses(0.5), live.generations.completes]
    async with client_of(live) as client:
        answer = await client.post("/v1/responses", json=_body(stream=True))
        events = _events(answer.text)
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert not re.search(r"^(id|retry):|DONE", answer.text, re.MULTILINE)
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert _names(events) == [
            "created",
            "in_progress",
            "output_item.added",
            "image_generation_call.in_progress",
            "image_generation_call.generating",
            "image_generation_call.completed",
            "output_item.done",
            "completed",
        ]
        response = events[-1]["response"]
        assert base64.b64decode(response["output"][0]["result"]) == PNG + b"\x00"
        again = (await client.get(f"/v1/responses/{response['id']}")).json()
        assert again == response


async def test_stream_of_videos(live: Gateway) -> None:
    """A message for each, one after the other."""
    live.generations.script = [starts, live.generations.completes]
    async with client_of(live) as client:
        events = _events(
            (await client.post("/v1/responses", json=_body("sora_video2", n=2, stream=True))).text
        )
    message = [
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
    ]
    assert _names(events) == ["created", "in_progress", *message, *message, "completed"]
    assert [event["output_index"] for event in events[2:-1]] == [0] * 6 + [1] * 6
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert events[-1]["response"]["output"] == done


async def test_stream_of_several_images(live: Gateway) -> None:
    """The items that were announced are those of the whole."""
    live.generations.script = [live.generations.completes]
    async with client_of(live) as client:
        events = _events((await client.post("/v1/responses", json=_body(n=3, stream=True))).text)
    added = [event["item"]["id"] for event in events if event["type"] == "response.output_item.added"]
    assert added == [item["id"] for item in events[-1]["response"]["output"]]
    assert len(set(added)) == 3


@pytest.mark.parametrize("model", ["sora_image", "sora_video2"])
async def test_stream_that_fails(live: Gateway, model: str) -> None:
    """``response.failed`` with the reason, and nothing after it."""
    live.generations.script = [starts, fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
    async with client_of(live) as client:
        answer = await client.post("/v1/responses", json=_body(model, stream=True))
    last = _events(answer.text)[-1]
    assert answer.status_code == 200
    assert last["type"] == "response.failed"
    assert last["response"]["status"] == "failed"
    assert last["response"]["error"] == NO_CATS


@pytest.mark.parametrize("outcome", ["completes", "fails"])
async def test_stream_again(live: Gateway, outcome: str) -> None:
    """A finished response streams the same events, from any place."""
    ending = live.generations.completes if outcome == "completes" else fails(ErrorKind.LOST, "Lost.")
    live.generations.script = [starts, ending]
    async with client_of(live) as client:
        whole = (await client.post("/v1/responses", json=_body(stream=True))).text
        url = f"/v1/responses/{_events(whole)[0]['response']['id']}?stream=true"
        assert (await client.get(url)).text == whole
        rest = _events((await client.get(f"{url}&starting_after=3")).text)
    assert rest == _events(whole)[4:]


async def test_background(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """An answer at once, then the state whenever it is asked for."""
    answer = (await client.post("/v1/responses", json=_body("sora_video2", background=True))).json()
    assert (answer["status"], answer["background"], answer["output"]) == ("queued", True, [])
    url = f"/v1/responses/{answer['id']}"
    (job_id,) = gateway.generations.histories
    assert (await client.get(url)).json()["status"] == "queued"
    gateway.generations.change(job_id, progresses(0.4))
    assert (await client.get(url)).json()["status"] == "in_progress"
    gateway.generations.change(job_id, gateway.generations.completes)
    done = (await client.get(url)).json()
    assert (done["status"], done["completed_at"]) == (
        "completed",
        int(gateway.generations.job(job_id).completed_at or 0),
    )
    assert job_id in done["output"][0]["content"][0]["text"]


async def test_background_that_fails(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A failed response is an answer, not an error."""
    gateway.generations.script = [fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
    answer = (await client.post("/v1/responses", json=_body(background=True))).json()
    (job_id,) = gateway.generations.histories
    await until(lambda: gateway.generations.job(job_id).is_final)
    failed = await client.get(f"/v1/responses/{answer['id']}")
    assert failed.status_code == 200
    assert failed.json()["status"] == "failed"
    assert failed.json()["error"] == NO_CATS


async def test_format_is_remembered(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A picture that was asked for as JPEG comes as JPEG later too."""
    gateway.generations.script = [gateway.generations.completes]
    tool = {**TOOL, "output_format": "jpeg"}
    answer = (await client.post("/v1/responses", json=_body("gpt-5", background=True, tools=[tool]))).json()
    (job_id,) = gateway.generations.histories
    await until(lambda: gateway.generations.job(job_id).is_final)
    (item,) = (await client.get(f"/v1/responses/{answer['id']}")).json()["output"]
    assert item["output_format"] == "jpeg"
    assert base64.b64decode(item["result"]).startswith(b"jpeg:")


async def test_cancel(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """All its jobs end; once it has ended nothing changes."""
    answer = (await client.post("/v1/responses", json=_body("sora_video2", n=2, background=True))).json()
    url = f"/v1/responses/{answer['id']}/cancel"
    cancelled = (await client.post(url)).json()
    assert (cancelled["status"], cancelled["error"]) == ("cancelled", None)
    assert all(gateway.generations.job(job_id).is_final for job_id in gateway.generations.histories)
    assert (await client.post(url)).json() == cancelled


async def test_cancel_what_is_finished(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """It is shown unchanged."""
    gateway.generations.script = [gateway.generations.completes]
    answer = (await client.post("/v1/responses", json=_body())).json()
    assert (await client.post(f"/v1/responses/{answer['id']}/cancel")).json() == answer


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_others_are_not_found(gateway: Gateway, client: httpx2.AsyncClient, method: str) -> None:
    """Another's response, a deleted one and nonsense: 404 that names the id."""
    other = "sg-test-key-of-another-000000000000000000000000"
    (mine,) = [licence for licence in gateway.licences.by_key.values() if len(licence.permissions) > 1]
    await gateway.licences.put(replace(mine, id="licence-other"), hash_key(other))
    answer = (await client.post("/v1/responses", json=_body(background=True))).json()
    end = "/cancel" if method == "POST" else ""
    async with client_of(gateway, other) as stranger:
        refused = await stranger.request(method, f"/v1/responses/{answer['id']}{end}")
    (job_id,) = gateway.generations.histories
    del gateway.generations.histories[job_id]
    gone = await client.request(method, f"/v1/responses/{answer['id']}{end}")
    for response in (refused, gone):
        assert response.status_code == 404
        assert answer["id"] in response.json()["error"]["message"]
    nonsense = await client.request(method, f"/v1/responses/resp_x{end}")
    assert nonsense.status_code == 404
    assert "resp_x" in nonsense.json()["error"]["message"]


async def test_expired(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Once the results are gone there is nothing to show."""
    gateway.generations.script = [gateway.generations.completes]
    answer = (await client.post("/v1/responses", json=_body())).json()
    gateway.clock.at += 604_801
    gone = await client.get(f"/v1/responses/{answer['id']}")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "expired")


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": "gpt-5"}, "model"),
        ({"model": None}, "model"),
        ({"input": None}, "input"),
        ({"input": ""}, "input"),
        ({"input": 5}, "input"),
        ({"seconds": "99", "model": "sora_video2"}, "seconds"),
        ({"tools": "x"}, "tools"),
        ({"model": "gpt-5", "tools": [{**TOOL, "size": "big"}]}, "size"),
    ],
)
async def test_early_failures_have_a_status(
    client: httpx2.AsyncClient, is_streamed: bool, fields: dict[str, Any], param: str
) -> None:
    """Before the first byte an error is a real one, streamed or not."""
    answer = await client.post("/v1/responses", json={**_body(stream=is_streamed), **fields})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_failed_whole_answer(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Not streamed: the failure's own status."""
    gateway.generations.script = [fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
    answer = await client.post("/v1/responses", json=_body())
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "content_policy_violation")


async def test_cancelled_while_waiting(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Whoever waits for a cancelled job learns that."""
    gateway.generations.script = [cancels]
    answer = await client.post("/v1/responses", json=_body())
    assert answer.json()["error"]["code"] == "cancelled"


async def test_engine_refuses_before_the_stream(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Admission comes first."""
    gateway.generations.refusal = GatewayError(ErrorKind.NO_ACCOUNT, "No account.")
    answer = await client.post("/v1/responses", json=_body(stream=True))
    assert (answer.status_code, answer.headers["x-should-retry"]) == (503, "false")


async def test_permission(gateway: Gateway) -> None:
    """403 names the permission, on every route."""
    async with client_of(gateway, CHAT_KEY) as client:
        for answer in (
            await client.post("/v1/responses", json=_body()),
            await client.get("/v1/responses/resp_x"),
            await client.post("/v1/responses/resp_x/cancel"),
        ):
            assert answer.status_code == 403
            assert "responses" in answer.json()["error"]["message"]


async def test_patience_ends(tmp_path: Path) -> None:
    """504 that names job and response; the response can be asked for and is finished later."""
    async with served(tmp_path, wait_max_s=0.05) as gateway, client_of(gateway, KEY) as client:
        answer = await client.post("/v1/responses", json=_body())
        assert (answer.status_code, answer.headers["x-should-retry"]) == (504, "false")
        error = answer.json()["error"]
        (job_id,) = gateway.generations.histories
        named = re.search(r"'(resp_[^']+)'", error["message"])
        assert error["code"] == "still_running"
        assert job_id in error["message"]
        assert named
        gateway.generations.change(job_id, gateway.generations.completes)
        later = (await client.get(f"/v1/responses/{named[1]}")).json()
        assert (later["id"], later["status"]) == (named[1], "completed")


async def test_heartbeat_is_a_comment(tmp_path: Path) -> None:
    """Comments between the events."""
    async with (
        served(tmp_path, ping_s=0.02) as gateway,
        client_of(gateway) as client,
        client.stream("POST", "/v1/responses", json=_body(stream=True)) as answer,
        asyncio.timeout(5),
    ):
        async for line in answer.aiter_lines():
            if line == ": ping":
                return


async def test_hang_up_ends_the_watching_only(live: Gateway) -> None:
    """The job goes on."""
    async with (
        client_of(live) as client,
        client.stream("POST", "/v1/responses", json=_body(stream=True)) as answer,
    ):
        await anext(answer.aiter_lines())
        await until(lambda: live.generations.watching == 1)
    await until(lambda: live.generations.watching == 0)
    (job_id,) = live.generations.histories
    assert not live.generations.job(job_id).is_final


async def test_restart_in_the_middle(live: Gateway) -> None:
    """A server that stops says where the result will be; the response has not failed."""
    seen = []
    async with (
        client_of(live) as client,
        client.stream("POST", "/v1/responses", json=_body(stream=True)) as answer,
    ):
        async for line in answer.aiter_lines():
            seen.append(line)
            live.app.state.open_answers.end()
    error = json.loads(seen[-2].removeprefix("data: "))["error"]
    (job_id,) = live.generations.histories
    assert error["code"] == "server_stopping"
    assert f"/v1/files/{job_id}/image/0" in error["message"]
    assert "response.failed" not in "".join(seen)
