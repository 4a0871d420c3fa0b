"""The Videos API over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Step
from sora_gateway.domain.licences import Licence, Permission
from sora_gateway.engine.generations import Watched
from sora_gateway.licences.keys import hash_key
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


async def _away(*_: object, **__: object) -> AsyncIterator[Watched]:
    raise GatewayError(ErrorKind.STORE_UNAVAILABLE, "The store does not answer.")
    yield  # type: ignore[unreachable]  # a generator, which fails when it is asked


@pytest.mark.parametrize("headers", [{}, {"Last-Event-ID": "0"}, {"Last-Event-ID": "9"}])
async def test_a_store_that_is_away_when_the_watching_begins(
    live: Gateway, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """503 in the dialect, as anywhere else, and no traceback."""
    async with client_of(live) as client:
        video = await _make(client)
        live.generations.watch = _away  # type: ignore[method-assign]
        answer = await client.get(f"/v1/videos/{video['id']}/events", headers=headers)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "store_unavailable"
    assert "Traceback" not in caplog.text


async def test_a_store_that_goes_away_before_there_is_news(
    live: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    """Who has seen everything is answered at once; then the stream ends whole and he comes back."""
    async with client_of(live) as client:
        video = await _make(client)
        live.generations.watch = _away  # type: ignore[method-assign]
        answer = await client.get(f"/v1/videos/{video['id']}/events", headers={"Last-Event-ID": "1"})
    assert answer.status_code == 200
    assert "retry: 1000" in answer.text
    assert "Traceback" not in caplog.text


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


async def _finished(gateway: Gateway, client: httpx2.AsyncClient, **fields: Any) -> str:
    video_id: str = (await _make(client, **fields))["id"]
    gateway.generations.change(video_id, gateway.generations.completes)
    return video_id


@pytest.mark.parametrize("as_what", ["json", "multipart", "urlencoded", "query"])
async def test_remix(gateway: Gateway, client: httpx2.AsyncClient, as_what: str) -> None:
    """In every spelling: what is not said stays, the source is named, and it runs where that lies."""
    source = await _finished(gateway, client, model="sora_video2-landscape-15s")
    path, fields = f"/sora/v1/videos/{source}/remix", {"prompt": "再加一只小狗", "style": "anime"}
    match as_what:
        case "json":
            answer = await client.post(path, json=fields)
        case "multipart":
            answer = await client.post(path, files={name: (None, text) for name, text in fields.items()})
        case "urlencoded":
            answer = await client.post(path, data=fields)
        case _:
            answer = await client.post(path, params=fields)
    assert answer.status_code == 200, answer.text
    video = answer.json()
    assert (video["remixed_from_video_id"], video["seconds"], video["size"]) == (source, "15", "1280x720")
    assert video["effective"]["style"] == "anime"
    assert answer.headers["openai-poll-after-ms"] == "2000"
    request = gateway.generations.submitted[-1][0]
    assert request.remix is not None
    assert (request.remix.job_id, request.account_id) == (source, request.remix.account_id)
    assert request.extend is None


@pytest.mark.parametrize("as_what", ["json", "text", "brackets", "form text"])
@pytest.mark.parametrize("path", ["edits", "extensions"])
async def test_edits_and_extensions(
    gateway: Gateway, client: httpx2.AsyncClient, path: str, as_what: str
) -> None:
    """The video as SDKs, LiteLLM and curl name it."""
    source = await _finished(gateway, client)
    fields = {"prompt": "x", "seconds": "10"}
    match as_what:
        case "json":
            answer = await client.post(f"/v1/videos/{path}", json={**fields, "video": {"id": source}})
        case "text":
            answer = await client.post(f"/v1/videos/{path}", json={**fields, "video": source})
        case "brackets":
            form = {**fields, "video[id]": source}
            answer = await client.post(
                f"/v1/videos/{path}", files={name: (None, text) for name, text in form.items()}
            )
        case _:
            answer = await client.post(f"/v1/videos/{path}", data={**fields, "video": source})
    assert answer.status_code == 200, answer.text
    video, request = answer.json(), gateway.generations.submitted[-1][0]
    assert video["remixed_from_video_id"] == source
    assert (request.extend is not None) == (path == "extensions")
    assert video["seconds"] == ("20" if path == "extensions" else "10")
    assert video["effective"]["extension_s"] == (10 if path == "extensions" else None)


@pytest.mark.parametrize("path", ["edits", "extensions"])
async def test_uploaded_videos(client: httpx2.AsyncClient, path: str) -> None:
    """They cannot be changed or carried on, and it is said."""
    answer = await client.post(
        f"/v1/videos/{path}", data={"prompt": "x", "seconds": "10"}, files={"video": ("a.mp4", MP4)}
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "unsupported", "video")
    missing = await client.post(f"/v1/videos/{path}", json={"prompt": "x", "seconds": 10})
    assert (missing.status_code, missing.json()["error"]["param"]) == (400, "video")


CHANGING = pytest.mark.parametrize("path", ["{}/remix", "edits", "extensions"])


async def _change(client: httpx2.AsyncClient, path: str, source: str, **fields: Any) -> httpx2.Response:
    seconds = {"seconds": 10} if path == "extensions" else {}
    named = {} if "{}" in path else {"video": {"id": source}}
    body = {"prompt": "x", **seconds, **named, **fields}
    return await client.post(f"/v1/videos/{path.format(source)}", json=body)


@CHANGING
async def test_sources_that_are_none(gateway: Gateway, client: httpx2.AsyncClient, path: str) -> None:
    """Unknown: 404. Unfinished, failed, a picture: 400. The field is named."""
    param = "video_id" if "{}" in path else "video"
    unknown = await _change(client, path, "video_unknown")
    assert (unknown.status_code, unknown.json()["error"]["param"]) == (404, param)
    unfinished = (await _make(client))["id"]
    failed = (await _make(client))["id"]
    gateway.generations.change(failed, fails(ErrorKind.GENERATION_FAILED, "Bad luck."))
    old = await _finished(gateway, client, model="sora_video")
    for source, code in ((unfinished, "invalid_request"), (failed, "invalid_request"), (old, "unsupported")):
        answer = await _change(client, path, source)
        error = answer.json()["error"]
        assert (answer.status_code, error["param"], error["code"]) == (400, param, code)
    assert len(gateway.generations.submitted) == 3


@CHANGING
async def test_private_videos(gateway: Gateway, client: httpx2.AsyncClient, path: str) -> None:
    """A private video is never published, so never remixed; it can be carried on."""
    source = await _finished(gateway, client, private=True)
    answer = await _change(client, path, source)
    if path == "extensions":
        assert answer.status_code == 200
        return
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == ("video_id" if "{}" in path else "video")
    assert "private" in answer.json()["error"]["message"]


@CHANGING
async def test_the_sources_of_others(gateway: Gateway, client: httpx2.AsyncClient, path: str) -> None:
    """Not found, as if they were not there."""
    source = await _finished(gateway, client)
    licence = Licence(
        id="stranger", name="x", key_hint="x", permissions=frozenset(Permission), created_at=0.0
    )
    await gateway.licences.put(licence, hash_key("sg-stranger"))
    async with client_of(gateway, "sg-stranger") as stranger:
        assert (await _change(stranger, path, source)).status_code == 404


async def test_remix_of_a_shared_video(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Its id stands in the path or, with or without its link, in a field; any account may do it."""
    post = "s_" + "0123456789abcdef" * 2
    by_path = await client.post(f"/v1/videos/{post}/remix", json={"prompt": "x"})
    by_field = await client.post(
        "/v1/videos", json={"prompt": "x", "remix_target_id": f"https://sora.chatgpt.com/p/{post}"}
    )
    for answer in (by_path, by_field):
        assert answer.status_code == 200, answer.text
        assert answer.json()["effective"]["remix_target"] == post
        assert answer.json()["remixed_from_video_id"] is None
    assert all(request.account_id is None for (request,) in gateway.generations.submitted)
    extension = await client.post(
        "/v1/videos/extensions", json={"prompt": "x", "seconds": 10, "video": {"id": post}}
    )
    assert (extension.status_code, extension.json()["error"]["code"]) == (400, "unsupported")


@pytest.mark.parametrize("name", ["create", "remix"])
async def test_characters_of_a_video(gateway: Gateway, client: httpx2.AsyncClient, name: str) -> None:
    """Every way to have one: of a clip, of a finished video, of the result, and ones that are there."""
    source = await _finished(gateway, client)
    path = "/v1/videos" if name == "create" else f"/v1/videos/{source}/remix"
    common = {"prompt": "x", "model": "sora_video2"}
    await client.post(
        path, json={**common, "character_url": "https://a/b.mp4", "character_timestamps": "1,3"}
    )
    await client.post(path, data={**common, "character_from_task": source})
    await client.post(path, params={**common, "character_create": "true"})
    await client.post(path, data=common, files={"character_url": ("a.mp4", MP4)})
    clip, task, later, upload = (request for (request,) in gateway.generations.submitted[1:])
    assert clip.character is not None
    assert clip.character.blob is not None
    assert (clip.character.start_s, clip.character.end_s) == (1.0, 3.0)
    assert task.character is not None
    assert task.character.source is not None
    assert task.character.source.job_id == source
    assert (later.character, later.keeps_character is not None) == (None, True)
    assert upload.character is not None
    assert gateway.generations.stored == [("character_url", MP4)]


async def test_characters_that_exist(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """LiteLLM's list becomes mentions; unknown and unfinished ones are refused by the field."""
    gateway.generations.script = [gateway.generations.completes]
    made = (await client.post("/v1/characters", json={"url": "https://a"})).json()
    gateway.generations.script = []
    for answer in (
        await client.post("/v1/videos", json={"prompt": "x", "characters": [{"id": made["id"]}]}),
        await client.post("/v1/videos", data={"prompt": "x", "characters[][id]": made["id"]}),
    ):
        assert answer.status_code == 200, answer.text
        assert gateway.generations.submitted[-1][0].mentions == (made["username"],)
        assert gateway.generations.submitted[-1][0].account_id is not None
    answer = await client.post("/v1/videos", json={"prompt": "x", "characters": [{"id": "character_x"}]})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "characters")


async def test_the_character_is_shown(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """When the job is done, the character of its result stands in it."""
    video_id = await _finished(gateway, client, character_create=True)
    video = (await client.get(f"/v1/videos/{video_id}")).json()
    assert video["character"] == {"id": f"character_of_{video_id}b", "username": "later1"}
    assert video["character_error"] is None
    assert (await _make(client))["character"] is None


@pytest.mark.parametrize("path", ["", "/{}/remix", "/edits", "/extensions"])
async def test_prefer_wait(gateway: Gateway, client: httpx2.AsyncClient, path: str) -> None:
    """The answer is the finished video, and says that it was waited for."""
    source = await _finished(gateway, client)
    gateway.generations.script = [starts, gateway.generations.completes]
    body = {"prompt": "x", "seconds": 10, "video": {"id": source}}
    answer = await client.post(
        f"/v1/videos{path.format(source)}", json=body, headers={"Prefer": "respond-async, wait=20"}
    )
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert answer.headers["preference-applied"] == "wait=20"
    assert "openai-poll-after-ms" not in answer.headers


@pytest.mark.parametrize("fields", [{}, {"model": "sora-2"}])
async def test_openrouter_words(gateway: Gateway, client: httpx2.AsyncClient, fields: dict[str, Any]) -> None:
    """Duration, aspect ratio and frames of that provider, beside its fields without meaning here."""
    body = {
        "prompt": "x",
        "duration": 15,
        "aspect_ratio": "16:9",
        "generate_audio": True,
        "seed": 7,
        "frame_images": [{"type": "image_url", "image_url": {"url": "https://a/b.png"}}],
        **fields,
    }
    video = (await client.post("/v1/videos", json=body)).json()
    assert (video["size"], video["seconds"]) == ("1280x720", "15")
    assert gateway.generations.fetched == [("frame_images", "https://a/b.png")]


async def test_one_key_and_two_videos(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """The video in the path is a part of the request: a key used for another one is a conflict."""
    sources = [await _finished(gateway, client) for _ in range(2)]
    headers = {"Idempotency-Key": "k"}
    answers = [
        await client.post(f"/v1/videos/{source}/remix", json={"prompt": "x"}, headers=headers)
        for source in (*sources, sources[0])
    ]
    assert [answer.status_code for answer in answers] == [200, 409, 200]
    assert answers[0].json()["id"] == answers[2].json()["id"]


async def test_a_repeated_remix_of_another_video(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """An SDK's repetition gets the job of its own video, never that of another with the same words."""
    gateway.generations.repeats = True
    sources = [await _finished(gateway, client) for _ in range(2)]
    digests = set()
    for source in sources:
        headers = {"x-stainless-retry-count": "1"}
        await client.post(f"/v1/videos/{source}/remix", json={"prompt": "x"}, headers=headers)
        promise = gateway.generations.promises[-1]
        assert promise is not None
        digests.add(promise.digest)
    assert len(digests) == 2


async def test_detail(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """How the job went is shown to who asks for it, and to nobody else; secrets in it are masked."""
    video = await _make(client)
    said = "account_auth: user-1234567890 at https://a.example/x with rt_abcdefgh said no"
    step = Step(at=1.0, name="returned", account_id="sora_web:user-abcdefghij", detail=said, next_try_at=3.0)
    gateway.generations.change(video["id"], lambda job: replace(job, steps=(step,), tries=1))
    plain = (await client.get(f"/v1/videos/{video['id']}")).json()
    detailed = (await client.get(f"/v1/videos/{video['id']}?detail=true")).json()
    assert set(detailed) - set(plain) == {"attempts", "history"}
    assert detailed["attempts"] == 1
    accepted, returned = detailed["history"]
    assert (accepted["event"], accepted["at"]) == (
        "accepted",
        gateway.generations.job(video["id"]).created_at,
    )
    assert returned == {
        "at": 1.0,
        "event": "returned",
        "account": "sora_web:…ghij",
        "detail": "account_auth: … at … with *** said no",
        "next_try_at": 3.0,
    }
    refused = await client.get(f"/v1/videos/{video['id']}?detail=perhaps")
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "detail")
