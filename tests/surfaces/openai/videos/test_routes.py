"""The Videos API over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from tests.fakes import MP4, PNG, Change, fails, progresses, starts
from tests.gateway import AUTH, KEY, Gateway, client_of, served, until


async def _make(client: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post("/v1/videos", json={"prompt": "x", "model": "sora_video2", **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_create_and_look(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """The job is there at once, and says when to look again until it ends."""
    made = await client.post("/sora/v1/videos", json={"prompt": "画小猫", "model": "sora_video2"})
    video = made.json()
    assert video["status"] == "queued"
    assert video["queue_position"] == 2
    assert made.headers["openai-poll-after-ms"] == "2000"
    gateway.generations.change(video["id"], progresses(0.4))
    looked = await client.get(f"/v1/videos/{video['id']}")
    assert (looked.json()["status"], looked.json()["progress"]) == ("in_progress", 40)
    assert looked.headers["openai-poll-after-ms"] == "2000"
    gateway.generations.change(video["id"], gateway.generations.completes)
    done = await client.get(f"/v1/videos/{video['id']}")
    assert done.json()["effective"]["width"] == 704
    assert "openai-poll-after-ms" not in done.headers


@pytest.mark.parametrize("as_what", ["json", "multipart", "urlencoded", "query"])
async def test_all_types_of_body(gateway: Gateway, client: httpx2.AsyncClient, as_what: str) -> None:
    """The same request in four spellings."""
    fields = {"prompt": "画小猫", "model": "sora_video2", "seconds": "15", "hd": "true"}
    match as_what:
        case "json":
            answer = await client.post("/v1/videos", json={**fields, "seconds": 15, "hd": True})
        case "multipart":
            answer = await client.post(
                "/v1/videos", files={name: (None, text) for name, text in fields.items()}
            )
        case "urlencoded":
            answer = await client.post("/v1/videos", data=fields)
        case _:
            answer = await client.post("/v1/videos", params=fields)
    assert answer.status_code == 200, answer.text
    ((request,),) = gateway.generations.submitted
    assert (request.prompt, request.duration_s, request.hd) == ("画小猫", 15, True)


@pytest.mark.parametrize("name", ["input_reference", "input_reference[]", "image", "image[]"])
async def test_reference_files(gateway: Gateway, client: httpx2.AsyncClient, name: str) -> None:
    """One file, or several under a name with brackets."""
    await client.post("/v1/videos", data={"prompt": "x"}, files=[(name, ("/tmp/a.png", PNG))])
    assert gateway.generations.stored == [(name.removesuffix("[]"), PNG)]
    assert len(gateway.generations.submitted[0][0].inputs) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"input_reference[image_url]": "https://example.com/a.png"},
        {"input_reference": "https://example.com/a.png"},
    ],
)
async def test_reference_texts(gateway: Gateway, client: httpx2.AsyncClient, fields: dict[str, str]) -> None:
    """A URL in a form field, as Node and ``extra_body`` send it."""
    await client.post("/v1/videos", data={"prompt": "x", **fields})
    assert gateway.generations.fetched == [("input_reference", "https://example.com/a.png")]


@pytest.mark.parametrize(
    "body", [{"input_reference": {"file_id": "file_1"}}, {"input_reference": {"0": "137"}}]
)
async def test_reference_that_is_none(client: httpx2.AsyncClient, body: dict[str, Any]) -> None:
    """400 that names the field."""
    answer = await client.post("/v1/videos", json={"prompt": "x", **body})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "input_reference"


async def test_siblings(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """``n`` jobs; the answer is the first and names all."""
    video = await _make(client, n=3)
    assert len(video["variants"]) == 3
    assert video["variants"][0] == video["id"]
    assert set(gateway.generations.histories) == set(video["variants"])


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"model": "sora_video9"}, "model", "model_not_found"),
        ({"model": "sora_video2-30s"}, "model", "invalid_model"),
        ({"model": "sora_image"}, "model", "invalid_model"),
        ({"prompt": ""}, "prompt", "invalid_request"),
        ({"prompt": None}, "prompt", "invalid_request"),
        ({"seconds": "7"}, "seconds", "invalid_request"),
        ({"size": "100x100"}, "size", "invalid_request"),
        ({"n": 5}, "n", "invalid_request"),
    ],
)
async def test_wrong_fields(
    client: httpx2.AsyncClient, fields: dict[str, Any], param: str, code: str
) -> None:
    """400 with the field and a code."""
    answer = await client.post("/v1/videos", json={"prompt": "x", "model": "sora_video2", **fields})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)


async def test_list_in_pages(client: httpx2.AsyncClient) -> None:
    """Every video once, over pages, in both directions."""
    ids = [(await _make(client))["id"] for _ in range(5)]
    for order, expected in (("asc", ids), ("desc", ids[::-1])):
        seen: list[str] = []
        after = ""
        while True:
            page = (
                await client.get("/v1/videos", params={"limit": 2, "order": order, "after": after})
            ).json()
            seen += [video["id"] for video in page["data"]]
            after = page["last_id"]
            if not page["has_more"]:
                break
        assert seen == expected
    assert (await client.get("/v1/videos?after=video_unknown")).status_code == 404
    assert (await client.get("/v1/videos?limit=many")).json()["error"]["param"] == "limit"


async def test_delete(client: httpx2.AsyncClient) -> None:
    """Gone at once."""
    video = await _make(client)
    answer = await client.delete(f"/v1/videos/{video['id']}", headers={"Content-Type": "application/json"})
    assert answer.json() == {"id": video["id"], "object": "video.deleted", "deleted": True}
    for path in ("", "/content", "/events"):
        assert (await client.get(f"/v1/videos/{video['id']}{path}")).status_code == 404


async def test_cancel(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Failed with the code ``cancelled``; once more changes nothing."""
    video = await _make(client)
    for _ in range(2):
        answer = await client.post(f"/v1/videos/{video['id']}/cancel")
        assert answer.status_code == 200
        assert answer.json()["status"] == "failed"
        assert answer.json()["error"]["code"] == "cancelled"


@pytest.mark.parametrize("path", ["", "/content", "/events"])
async def test_unknown(client: httpx2.AsyncClient, path: str) -> None:
    """404 before anything is streamed."""
    answer = await client.get(f"/v1/videos/video_unknown{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "not_found_error"


@pytest.mark.parametrize("path", ["", "/events"])
async def test_image_jobs_are_no_videos(gateway: Gateway, client: httpx2.AsyncClient, path: str) -> None:
    """An image's job is not shown as a video."""
    gateway.generations.script = [gateway.generations.completes]
    await client.post("/v1/images/generations", json={"prompt": "x"})
    (job_id,) = gateway.generations.histories
    assert (await client.get(f"/v1/videos/{job_id}{path}")).status_code == 404


@pytest.mark.parametrize(
    ("variant", "content", "media_type", "extension"),
    [
        (None, MP4, "video/mp4", "mp4"),
        ("video", MP4, "video/mp4", "mp4"),
        ("thumbnail", b"RIFF....WEBP", "image/webp", "webp"),
        ("spritesheet", b"\xff\xd8\xff sheet", "image/jpeg", "jpg"),
    ],
)
async def test_content(
    gateway: Gateway,
    client: httpx2.AsyncClient,
    variant: str | None,
    content: bytes,
    media_type: str,
    extension: str,
) -> None:
    """The file, its previews, and ranges of them."""
    video = await _make(client)
    gateway.generations.change(video["id"], gateway.generations.completes)
    url = f"/v1/videos/{video['id']}/content" + (f"?variant={variant}" if variant else "")
    answer = await client.get(url, headers={"Accept": "application/binary"})
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"] == f'attachment; filename="{video["id"]}.{extension}"'
    part = await client.get(url, headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, content[1:4])
    head = await client.head(url)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(content)))


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (starts, "video_not_ready", "not finished"),
        (fails(ErrorKind.CONTENT_REFUSED, "No cats."), "content_policy_violation", "No cats."),
        (fails(ErrorKind.GENERATION_FAILED, "Bad luck."), "generation_failed", "Bad luck."),
    ],
)
async def test_content_that_is_not_there(
    gateway: Gateway, client: httpx2.AsyncClient, change: Change, code: str, message: str
) -> None:
    """404 in every case: anything else would be asked for again."""
    video = await _make(client)
    gateway.generations.change(video["id"], change)
    answer = await client.get(f"/v1/videos/{video['id']}/content")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == code
    assert message in answer.json()["error"]["message"]


async def test_bad_variant(client: httpx2.AsyncClient) -> None:
    """Named, whatever the job."""
    answer = await client.get("/v1/videos/video_1/content?variant=gif")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "variant"


# --- events, over a real server ---------------------------------------------------------------------------


Event = dict[str, str]


async def _events(answer: httpx2.Response) -> AsyncIterator[Event]:
    event: Event = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        elif event:
            yield event
            event = {}


@asynccontextmanager
async def _watch(gateway: Gateway, video_id: str, **headers: str) -> AsyncIterator[AsyncIterator[Event]]:
    async with client_of(gateway, KEY) as client:
        url = f"/sora/v1/videos/{video_id}/events"
        async with client.stream("GET", url, headers=headers) as answer:
            assert answer.status_code == 200
            yield _events(answer)


async def test_watch_to_the_end(live: Gateway) -> None:
    """Each event once, with its id and the Video object; the stream ends after the last."""
    async with client_of(live) as client:
        video = await _make(client)
    changes = [starts, progresses(0.5), live.generations.completes]
    seen = []
    async with _watch(live, video["id"]) as events:
        async for event in events:
            seen.append((event["id"], event["event"]))
            assert f'"id":"{video["id"]}"' in event["data"]
            if changes:
                live.generations.change(video["id"], changes.pop(0))
    assert seen == [
        ("1", "video.queued"),
        ("2", "video.in_progress"),
        ("3", "video.progress"),
        ("4", "video.completed"),
    ]


@pytest.mark.parametrize("in_header", [True, False])
async def test_resume_without_a_gap(live: Gateway, in_header: bool) -> None:
    """``Last-Event-ID`` continues behind the event it names."""
    async with client_of(live) as client:
        video = await _make(client)
        for change in (starts, progresses(0.2), progresses(0.6), live.generations.completes):
            live.generations.change(video["id"], change)
        url = f"/v1/videos/{video['id']}/events"
        headers = {"Last-Event-ID": "2"} if in_header else {}
        answer = await client.get(url, headers=headers, params={} if in_header else {"last_event_id": "2"})
    lines = answer.text.splitlines()
    assert [line for line in lines if line.startswith("id: ")] == ["id: 3", "id: 4", "id: 5"]
    assert [line for line in lines if line.startswith("event: ")] == [
        "event: video.progress",
        "event: video.progress",
        "event: video.completed",
    ]


@pytest.mark.parametrize("last", ["99", "abc", "0"])
async def test_unknown_event_gives_a_snapshot(live: Gateway, last: str) -> None:
    """Future, unreadable or trimmed: one snapshot of the present state."""
    live.generations.forgotten_before = 1
    async with client_of(live) as client:
        video = await _make(client)
        live.generations.change(video["id"], live.generations.completes)
        answer = await client.get(f"/v1/videos/{video['id']}/events", headers={"Last-Event-ID": last})
    assert [line for line in answer.text.splitlines() if not line.startswith("data")] == [
        "id: 2",
        "event: snapshot",
        "",
    ]


async def test_nothing_left_to_see(live: Gateway) -> None:
    """204 tells an EventSource that has seen the end not to come back."""
    async with client_of(live) as client:
        video = await _make(client)
        live.generations.change(video["id"], live.generations.completes)
        answer = await client.get(f"/v1/videos/{video['id']}/events", headers={"Last-Event-ID": "2"})
    assert answer.status_code == 204


async def test_heartbeat_is_an_event(tmp_path: Any) -> None:
    """A ``ping`` event with data, no comment: the Python SDK would fail on one."""
    async with served(tmp_path, ping_s=0.02) as gateway:
        async with client_of(gateway) as client:
            video = await _make(client)
        async with _watch(gateway, video["id"]) as events:
            assert (await anext(events))["event"] == "video.queued"
            assert await anext(events) == {"event": "ping", "data": "{}"}


async def test_hang_up_ends_the_watching_only(live: Gateway) -> None:
    """The job does not care who looks."""
    async with client_of(live) as client:
        video = await _make(client)
    async with _watch(live, video["id"]) as events:
        await anext(events)
        assert live.generations.watching == 1
    await until(lambda: live.generations.watching == 0)
    assert not live.generations.job(video["id"]).is_final


async def test_many_watchers(live: Gateway) -> None:
    """All see the end."""
    async with client_of(live) as client:
        video = await _make(client)
        url = f"/v1/videos/{video['id']}/events"
        async with asyncio.TaskGroup() as group:
            answers = [group.create_task(client.get(url)) for _ in range(5)]
            await until(lambda: live.generations.watching == 5)
            live.generations.change(video["id"], live.generations.completes)
    assert all("event: video.completed" in answer.result().text for answer in answers)


async def test_refusals_of_the_engine(gateway: Gateway) -> None:
    """Full, without accounts, out of quota: status and headers tell the SDK what to do."""
    table = {
        ErrorKind.QUEUE_FULL: (429, None),
        ErrorKind.NO_ACCOUNT: (503, "false"),
        ErrorKind.INSUFFICIENT_QUOTA: (429, "false"),
        ErrorKind.ACCOUNT_PLAN_REQUIRED: (400, None),
    }
    async with client_of(gateway, None) as client:
        for kind, (status, should_retry) in table.items():
            gateway.generations.refusal = GatewayError(kind, "No.")
            answer = await client.post("/v1/videos", json={"prompt": "x"}, headers=AUTH)
            assert (answer.status_code, answer.headers.get("x-should-retry")) == (status, should_retry)
