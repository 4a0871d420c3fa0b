"""The Images API over HTTP."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx2
import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Aspect
from sora_gateway.surfaces.openai.images.translate import VARIATION_PROMPT
from tests.fakes import PNG, Change, cancels, fails, progresses, starts
from tests.gateway import CHAT_KEY, Gateway, client_of


@pytest.fixture
def finishing(gateway: Gateway) -> Gateway:
    """A gateway whose jobs end well by themselves."""
    gateway.generations.script = [starts, progresses(0.5), gateway.generations.completes]
    return gateway


@pytest.mark.parametrize("as_json", [True, False])
async def test_generation(finishing: Gateway, client: httpx2.AsyncClient, as_json: bool) -> None:
    """Bare base64 by default, JSON and multipart alike (the seed sends multipart)."""
    fields = {"prompt": "画小猫", "model": "sora_image", "n": "2", "size": "1536x1024"}
    if as_json:
        answer = await client.post("/sora/v1/images/generations", json=fields)
    else:
        form = {name: (None, text) for name, text in fields.items()}
        answer = await client.post("/sora/v1/images/generations", files=form)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert [base64.b64decode(image["b64_json"]) for image in body["data"]] == [PNG + b"\x00", PNG + b"\x01"]
    assert (body["size"], body["output_format"]) == ("1536x1024", "png")
    assert body["usage"]["input_tokens_details"] == {"text_tokens": 3, "image_tokens": 0}
    ((request,),) = finishing.generations.submitted
    assert (request.n, request.aspect, request.prompt) == (2, Aspect.LANDSCAPE, "画小猫")


async def test_links(finishing: Gateway, client: httpx2.AsyncClient) -> None:
    """``response_format: url`` gives links that open without a key, in the format asked for."""
    body = {"prompt": "x", "n": 2, "response_format": "url", "output_format": "webp"}
    data = (await client.post("/v1/images/generations", json=body)).json()["data"]
    assert all(set(image) == {"url"} for image in data)
    async with client_of(finishing, key=None) as browser:
        second = await browser.get(data[1]["url"])
    assert (second.content, second.headers["content-type"]) == (b"webp:" + PNG + b"\x01", "image/webp")
    same = await client.post("/v1/images/generations", json={**body, "output_format": "png"})
    assert "format=" not in same.json()["data"][0]["url"]


@pytest.mark.parametrize("encoding", ["png", "jpeg", "webp"])
async def test_output_format(finishing: Gateway, client: httpx2.AsyncClient, encoding: str) -> None:
    """Never other bytes than asked for."""
    answer = await client.post("/v1/images/generations", json={"prompt": "x", "output_format": encoding})
    picture = base64.b64decode(answer.json()["data"][0]["b64_json"])
    assert picture.startswith(b"\x89PNG" if encoding == "png" else encoding.encode())
    assert answer.json()["output_format"] == encoding


async def test_openai_fields_are_taken(finishing: Gateway, client: httpx2.AsyncClient) -> None:
    """Aliases, and fields without a meaning here."""
    body = {
        "prompt": "x",
        "model": "gpt-image-1",
        "size": "auto",
        "quality": "hd",
        "style": "vivid",
        "background": "transparent",
        "moderation": "low",
        "output_compression": 80,
        "user": "me",
    }
    assert (await client.post("/v1/images/generations", json=body)).status_code == 200


@pytest.mark.parametrize("name", ["image", "image[]"])
async def test_edit_with_files(finishing: Gateway, client: httpx2.AsyncClient, name: str) -> None:
    """One file or a list, mask or not."""
    answer = await client.post(
        "/v1/images/edits",
        data={"prompt": "换一个风格", "model": "sora_image"},
        files=[(name, ("blob", PNG)), (name, ("blob", PNG + b"2")), ("mask", ("m.png", PNG))],
    )
    assert answer.status_code == 200, answer.text
    assert finishing.generations.stored == [("image", PNG), ("image", PNG + b"2")]
    assert len(finishing.generations.submitted[0][0].inputs) == 2


async def test_edit_with_json(finishing: Gateway, client: httpx2.AsyncClient) -> None:
    """The schema's other form."""
    body = {"prompt": "x", "images": [{"image_url": "https://example.com/a.png"}]}
    assert (await client.post("/v1/images/edits", json=body)).status_code == 200
    assert finishing.generations.fetched == [("images", "https://example.com/a.png")]


@pytest.mark.parametrize("route", ["edits", "variations"])
@pytest.mark.parametrize("text", ["https://example.com/a.png", "data:image/png;base64,iVBORw0K", "iVBORw0K"])
@pytest.mark.parametrize("shape", ["one", "list", "images", "field", "field[]", "images[]"])
async def test_pictures_as_texts(
    finishing: Gateway, client: httpx2.AsyncClient, route: str, text: str, shape: str
) -> None:
    """URL, data URL or bare base64: alone, in a list, as objects, and as fields of a form."""
    bodies: dict[str, Any] = {
        "one": {"json": {"image": text}},
        "list": {"json": {"image": [text, text]}},
        "images": {
            "json": {"images": [{"image_url": text}, {"image_url": text}], "mask": {"image_url": text}}
        },
        "field": {"files": [("image", (None, text))]},
        "field[]": {"files": [("image[]", (None, text)), ("image[]", (None, text))]},
        "images[]": {"files": [("images[][image_url]", (None, text)), ("images[][image_url]", (None, text))]},
    }
    answer = await client.post(f"/v1/images/{route}?prompt=x", **bodies[shape])
    assert answer.status_code == 200, answer.text
    param = "images" if shape.startswith("images") else "image"
    count = 1 if shape in ("one", "field") else 2
    assert finishing.generations.fetched == [(param, text)] * count
    assert len(finishing.generations.submitted[0][0].inputs) == count


async def test_too_many_pictures(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Sixteen, as ``GET /v1/models`` says."""
    answer = await client.post("/v1/images/edits", json={"prompt": "x", "image": ["https://a"] * 17})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "image")
    assert "at most 16" in answer.json()["error"]["message"]
    assert gateway.generations.fetched == []


@pytest.mark.parametrize("base", ["", "/sora"])
@pytest.mark.parametrize("response_format", ["b64_json", "url"])
async def test_variation(
    finishing: Gateway, client: httpx2.AsyncClient, base: str, response_format: str
) -> None:
    """As the SDKs send it: a picture and no words. Ours are told with each result."""
    answer = await client.post(
        f"{base}/v1/images/variations",
        data={"n": "2", "size": "256x256", "response_format": response_format, "model": "dall-e-2"},
        files={"image": ("cat.png", PNG)},
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert [set(image) for image in body["data"]] == [{response_format, "revised_prompt"}] * 2
    assert {image["revised_prompt"] for image in body["data"]} == {VARIATION_PROMPT}
    assert body["size"] == "1024x1024"
    ((request,),) = finishing.generations.submitted
    assert (request.prompt, request.n, request.aspect) == (VARIATION_PROMPT, 2, Aspect.SQUARE)
    assert finishing.generations.stored == [("image", PNG)]


async def test_variation_with_words(finishing: Gateway, client: httpx2.AsyncClient) -> None:
    """A prompt of the caller's is not revised."""
    body = {"image": "https://example.com/a.png", "prompt": "bluer"}
    answer = await client.post("/v1/images/variations", json=body)
    assert [set(image) for image in answer.json()["data"]] == [{"b64_json"}]
    assert finishing.generations.submitted[0][0].prompt == "bluer"


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({}, "image", "invalid_request"),
        ({"image": "https://a", "stream": True}, "stream", "unsupported"),
        ({"image": "https://a", "n": 5}, "n", "invalid_request"),
        ({"image": "https://a", "output_format": "gif"}, "output_format", "invalid_request"),
    ],
)
async def test_wrong_variations(
    gateway: Gateway, client: httpx2.AsyncClient, fields: dict[str, Any], param: str, code: str
) -> None:
    """400 that names the field, before anything is fetched or made."""
    answer = await client.post("/v1/images/variations", json=fields)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert gateway.generations.submitted == []
    assert gateway.generations.fetched == []
    assert answer.json()["error"]["code"] == code


async def test_variations_need_the_permission(gateway: Gateway) -> None:
    """Chat alone is not enough."""
    async with client_of(gateway, CHAT_KEY) as client:
        answer = await client.post("/v1/images/variations", json={"image": "https://a"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")


@pytest.mark.parametrize(
    ("size", "aspect", "served"),
    [
        ("auto", Aspect.SQUARE, "1024x1024"),
        ("1x1", Aspect.SQUARE, "1024x1024"),
        ("512x512", Aspect.SQUARE, "1024x1024"),
        ("1920x1080", Aspect.LANDSCAPE, "1536x1024"),
        ("1025x1024", Aspect.LANDSCAPE, "1536x1024"),
        ("1024x1792", Aspect.PORTRAIT, "1024x1536"),
    ],
)
@pytest.mark.parametrize("route", ["generations", "edits", "variations"])
async def test_size(
    finishing: Gateway, client: httpx2.AsyncClient, route: str, size: str, aspect: Aspect, served: str
) -> None:
    """Any size means one of three shapes; the answer says which."""
    body = {"prompt": "x", "image": "https://a", "size": size}
    answer = await client.post(f"/v1/images/{route}", json=body)
    assert answer.json()["size"] == served
    assert finishing.generations.submitted[0][0].aspect is aspect


async def test_edit_without_a_picture(client: httpx2.AsyncClient) -> None:
    """400 that names the field."""
    answer = await client.post("/v1/images/edits", data={"prompt": "x"})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "image"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 9}, "n"),
        ({"model": "sora_video2"}, "model"),
        ({"output_format": "gif"}, "output_format"),
        ({"response_format": "file"}, "response_format"),
        ({"stream": True, "n": 2}, "n"),
        ({"stream": "perhaps"}, "stream"),
        ({"stream": True, "partial_images": 4}, "partial_images"),
        ({"partial_images": "some"}, "partial_images"),
        ({"size": "large"}, "size"),
    ],
)
async def test_wrong_fields(
    gateway: Gateway, client: httpx2.AsyncClient, fields: dict[str, Any], param: str
) -> None:
    """Refused before a job is made."""
    answer = await client.post("/v1/images/generations", json={"prompt": "x", **fields})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert gateway.generations.submitted == []


@pytest.mark.parametrize(
    ("change", "status", "code", "should_retry"),
    [
        (fails(ErrorKind.CONTENT_REFUSED, "No cats."), 400, "content_policy_violation", None),
        (fails(ErrorKind.GENERATION_FAILED, "Bad luck."), 502, "generation_failed", "false"),
        (fails(ErrorKind.SUBMISSION_UNKNOWN, "Lost."), 502, "submission_unknown", "false"),
        (fails(ErrorKind.ACCOUNT_RATE_LIMITED, "Busy."), 503, "account_cooling", None),
        (cancels, 400, "cancelled", None),
    ],
)
async def test_failed_job(
    gateway: Gateway,
    client: httpx2.AsyncClient,
    change: Change,
    status: int,
    code: str,
    should_retry: str | None,
) -> None:
    """The job's failure has its status; what cost something is not repeated."""
    gateway.generations.script = [change]
    answer = await client.post("/v1/images/generations", json={"prompt": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers.get("x-should-retry") == should_retry


@pytest.mark.parametrize(("path", "name"), [("generations", "image_generation"), ("edits", "image_edit")])
async def test_stream(live: Gateway, path: str, name: str) -> None:
    """One event, last."""
    live.generations.script = [starts, live.generations.completes]
    async with client_of(live) as client:
        body = {"prompt": "x", "stream": True, "partial_images": 0, "image": "https://a"}
        answer = await client.post(f"/v1/images/{path}", json=body)
    event, data = answer.text.strip().split("\n")
    assert event == f"event: {name}.completed"
    assert base64.b64decode(json.loads(data.removeprefix("data: "))["b64_json"]) == PNG + b"\x00"


@pytest.mark.parametrize(("path", "name"), [("generations", "image_generation"), ("edits", "image_edit")])
@pytest.mark.parametrize("partial_images", [1, 3])
@pytest.mark.parametrize("encoding", [None, "png", "webp"])
@pytest.mark.parametrize("as_json", [True, False])
async def test_partial_images(
    live: Gateway, path: str, name: str, partial_images: int, encoding: str | None, as_json: bool
) -> None:
    """At most one, however many are asked for: the result made small, in the format of the result."""
    live.generations.script = [starts, live.generations.completes]
    fields = {"prompt": "x", "image": "https://a", "stream": True, "partial_images": partial_images}
    if encoding is not None:
        fields["output_format"] = encoding
    form = {key: (None, str(value).lower()) for key, value in fields.items()}
    async with client_of(live) as client:
        sent: dict[str, Any] = {"json": fields} if as_json else {"files": form}
        answer = await client.post(f"/v1/images/{path}", **sent)
    events = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    assert [event for event, _ in events] == [f"event: {name}.partial_image", f"event: {name}.completed"]
    partial, completed = (json.loads(data.removeprefix("data: ")) for _, data in events)
    shown = encoding or "png"
    assert base64.b64decode(partial["b64_json"]) == f"{shown}:thumbnail".encode()
    whole = PNG + b"\x00"
    assert base64.b64decode(completed["b64_json"]) == (b"webp:" + whole if encoding == "webp" else whole)
    same = {"created_at", "size", "quality", "background", "output_format"}
    assert set(partial) == same | {"type", "b64_json", "partial_image_index"}
    assert set(completed) == same | {"type", "b64_json", "usage"}
    assert {key: partial[key] for key in same} == {key: completed[key] for key in same}
    assert (partial["partial_image_index"], partial["output_format"]) == (0, shown)


async def test_result_does_not_hang_on_its_preview(live: Gateway) -> None:
    """What cannot be made small is given whole."""
    live.generations.script = [starts, live.generations.completes]

    async def fail(_: object) -> bytes:
        raise GatewayError(ErrorKind.GENERATION_FAILED, "No.")

    live.tools.thumbnail = fail  # type: ignore[method-assign]
    async with client_of(live) as client:
        body = {"prompt": "x", "stream": True, "partial_images": 1}
        answer = await client.post("/v1/images/generations", json=body)
    assert [line for line in answer.text.split("\n") if line.startswith("event")] == [
        "event: image_generation.completed"
    ]


async def test_streamed_text_flag_false(finishing: Gateway, client: httpx2.AsyncClient) -> None:
    """Partial images without a stream have no effect."""
    form = {"prompt": (None, "x"), "stream": (None, "false"), "partial_images": (None, "2")}
    answer = await client.post("/v1/images/generations", files=form)
    assert answer.headers["content-type"] == "application/json"


async def test_stream_that_fails(live: Gateway) -> None:
    """A late failure is an error in the stream."""
    live.generations.script = [fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
    async with client_of(live) as client:
        answer = await client.post("/v1/images/generations", json={"prompt": "x", "stream": True})
    assert answer.status_code == 200
    error = json.loads(answer.text.removeprefix("data: "))["error"]
    assert (error["code"], error["message"]) == ("content_policy_violation", "No cats.")


async def test_restart_in_the_middle(live: Gateway) -> None:
    """A server that stops says where the result will be."""
    body = {"prompt": "x", "stream": True}
    async with (
        client_of(live) as client,
        client.stream("POST", "/v1/images/generations", json=body) as answer,
    ):
        live.app.state.open_answers.end()
        seen = [line async for line in answer.aiter_lines()]
    error = json.loads(next(line for line in seen if line).removeprefix("data: "))["error"]
    (job_id,) = live.generations.histories
    assert error["code"] == "server_stopping"
    assert f"/v1/files/{job_id}/image/0" in error["message"]


async def test_a_stream_gives_no_links(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """It ends with the picture itself, so a wish for a link is refused by its name."""
    body = {"prompt": "x", "stream": True, "response_format": "url"}
    answer = await client.post("/v1/images/generations", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "response_format")
    assert gateway.generations.submitted == []
