"""Bad input gets a 4xx that names the field and says what would be right; nothing is made of it."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from PIL import Image

from tests.functional.harness import Gateway, Simulator, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def callers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[httpx2.AsyncClient, ...]]:
    """Three callers of one gateway: two with all permissions, one who may only chat."""
    folder = tmp_path_factory.mktemp("bad")
    simulator = Simulator(folder / "simulator")
    gateway = Gateway(folder / "gateway", simulator)
    with running(simulator, gateway):
        await simulator.ready()
        await gateway.ready()
        gateway.add_accounts(await simulator.tokens())
        keys = (gateway.new_key(), gateway.new_key(), gateway.new_key("chat"))
        clients = tuple(gateway.client(key) for key in keys)
        yield clients
        made = await simulator.creations()
        for client in clients:
            await client.aclose()
    assert {row["prompt"] for row in made} <= {"a good one"}


JSON: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("videos", {"model": "sora_video2-30s", "prompt": "x"}, "invalid_model", "model", "30s"),
    ("videos", {"model": "sora_video2-10s-15s", "prompt": "x"}, "invalid_model", "model", "15s"),
    ("videos", {"model": "nobody", "prompt": "x"}, "model_not_found", "model", "nobody"),
    ("videos", {"model": "sora_video2", "prompt": "x", "n": 0}, "", "n", "1"),
    ("videos", {"model": "sora_video2", "prompt": "x", "n": 5}, "", "n", "4"),
    ("videos", {"model": "sora_video2", "prompt": "x", "seconds": 12}, "", "seconds", "10, 15"),
    ("videos", {"model": "sora_video2-25s", "prompt": "x", "hd": True}, "", "", "25"),
    ("videos", {"model": "sora_video2", "prompt": "x", "size": "720x720"}, "", "size", "720x720"),
    ("videos", {"model": "sora_video2", "prompt": "x", "size": "big"}, "", "size", "big"),
    ("videos", {"model": "sora_video2", "prompt": "x", "duration": 10, "seconds": 15}, "", "", "duration"),
    (
        "videos",
        {"model": "sora_video2-landscape", "prompt": "x", "size": "720x1280"},
        "",
        "size",
        "landscape",
    ),
    ("videos", {"model": "sora_video2", "prompt": "x", "style": "baroque"}, "", "style", "baroque"),
    ("videos", {"model": "sora_video2", "prompt": "x", "hd": "maybe"}, "", "hd", "maybe"),
    ("videos", {"model": "sora_video2", "prompt": ""}, "", "prompt", "prompt"),
    ("videos", {"model": "sora_video2", "prompt": "   "}, "", "prompt", "prompt"),
    ("videos", {"model": "sora_video2"}, "", "prompt", "prompt"),
    ("videos", {"model": "sora_video2", "prompt": "x" * 100_000}, "", "prompt", "32"),
    ("videos", {"model": "sora_video2", "prompt": 7}, "", "prompt", "prompt"),
    ("videos", {"model": "sora_image", "prompt": "x"}, "", "model", "sora_image"),
    ("videos", {"model": "sora_video2|[vip]", "prompt": "x"}, "", "model", "vip"),
    (
        "videos",
        {"model": "sora_video2", "prompt": "x", "input_reference": "not base64"},
        "",
        "input_reference",
        "",
    ),
    ("videos", {"model": "sora_video2", "prompt": "x", "input_reference": {"file_id": "f"}}, "", "", "f"),
    ("images/generations", {"model": "sora_image", "prompt": "x", "n": 9}, "", "n", "9"),
    (
        "images/generations",
        {"model": "sora_image", "prompt": "x", "output_format": "gif"},
        "",
        "output_format",
        "png",
    ),
    ("images/generations", {"model": "sora_video2", "prompt": "x"}, "", "model", "sora_video2"),
    ("chat/completions", {"model": "sora_image", "messages": []}, "", "messages", "messages"),
    ("chat/completions", {"model": "sora_image"}, "", "messages", "messages"),
    ("chat/completions", {"messages": [{"role": "user", "content": "x"}]}, "", "model", "model"),
]


@pytest.mark.parametrize(("route", "body", "code", "param", "word"), JSON, ids=range(len(JSON)))
async def test_json(
    callers: tuple[httpx2.AsyncClient, ...],
    route: str,
    body: dict[str, Any],
    code: str,
    param: str,
    word: str,
) -> None:
    """Each is a 400 in the envelope, with the field, the value and what is allowed."""
    answer = await callers[0].post(f"/{route}", json=body)
    error = answer.json()["error"]
    assert answer.status_code == 400, answer.text
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert word in error["message"]
    if code:
        assert error["code"] == code
    if param:
        assert error["param"] == param


def _big_picture() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((3400, 3000), 100).convert("RGB").save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "statuses"),
    [
        (_big_picture(), {400, 413}),
        (b"this is a text", {400}),
        (b"", {400}),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 50, {400}),
    ],
    ids=["30 MB", "text called png", "empty", "damaged"],
)
async def test_pictures(callers: tuple[httpx2.AsyncClient, ...], data: bytes, statuses: set[int]) -> None:
    """A picture that is too large, none at all, or damaged: refused before anything is queued."""
    files = {"input_reference": ("picture.png", data, "image/png")}
    answer = await callers[0].post("/videos", data={"model": "sora_video2", "prompt": "x"}, files=files)
    assert answer.status_code in statuses, answer.text
    assert answer.json()["error"]["message"]


async def test_bodies(callers: tuple[httpx2.AsyncClient, ...]) -> None:
    """Broken JSON, a wrong content type, nothing at all, JSON that is no object."""
    for content, kind in (
        (b'{"model": ', "application/json"),
        (b"<xml/>", "application/xml"),
        (b"", "application/json"),
        (b"[1, 2]", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"--x\r\n", "multipart/form-data"),
    ):
        answer = await callers[0].post("/videos", content=content, headers={"Content-Type": kind})
        assert answer.status_code in (400, 415), (content[:20], answer.text)
        assert answer.json()["error"]["message"]


async def test_strangers_and_wrong_doors(callers: tuple[httpx2.AsyncClient, ...]) -> None:
    """Unknown ids, another licence's id, missing permission, unknown route, wrong method, wrong key."""
    ann, bob, chatter = callers
    answer = await ann.post("/videos", json={"model": "sora_video2", "prompt": "a good one"})
    job_id = answer.raise_for_status().json()["id"]
    for client, method, path, status in (
        (ann, "GET", "/videos/video_unknown", 404),
        (ann, "GET", "/videos/../../etc/passwd", 404),
        (bob, "GET", f"/videos/{job_id}", 404),
        (bob, "GET", f"/videos/{job_id}/content", 404),
        (bob, "GET", f"/videos/{job_id}/events", 404),
        (bob, "POST", f"/videos/{job_id}/cancel", 404),
        (bob, "DELETE", f"/videos/{job_id}", 404),
        (chatter, "GET", f"/videos/{job_id}", 403),
        (ann, "GET", "/nothing/here", 404),
        (ann, "PUT", "/videos", 405),
        (ann, "GET", f"/videos/{job_id}/content?variant=poster", 400),
        (ann, "GET", "/videos?limit=many", 400),
        (ann, "GET", "/videos?after=video_unknown", 404),
        (ann, "GET", "/models/nobody", 404),
    ):
        answer = await client.request(method, path)
        assert answer.status_code == status, (method, path, answer.text)
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
        assert answer.headers["x-request-id"]
    stranger = await ann.get("/videos", headers={"Authorization": "Bearer sg-wrong"})
    assert stranger.status_code == 401
    assert stranger.json()["error"]["code"] == "invalid_api_key"
