"""The Images API over HTTP."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx2
import pytest

from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.media import Aspect
from tests.fakes import PNG, Change, cancels, fails, progresses, starts
from tests.gateway import Gateway, client_of


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
        body = {"prompt": "x", "stream": True, "partial_images": 2, "image": "https://a"}
        answer = await client.post(f"/v1/images/{path}", json=body)
    event, data = answer.text.strip().split("\n")
    assert event == f"event: {name}.completed"
    assert base64.b64decode(json.loads(data.removeprefix("data: "))["b64_json"]) == PNG + b"\x00"


async def test_stream_that_fails(live: Gateway) -> None:
    """A late failure is an error in the stream."""
    live.generations.script = [fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
    async with client_of(live) as client:
        answer = await client.post("/v1/images/generations", json={"prompt": "x", "stream": True})
    assert answer.status_code == 200
    error = json.loads(answer.text.removeprefix("data: "))["error"]
    assert (error["code"], error["message"]) == ("content_policy_violation", "No cats.")
