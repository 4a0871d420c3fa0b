"""Pages of other origins may call, if the operator says so, and only so far."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from sora_gateway.web.cors import EXPOSED, Cors, origins_of
from tests.gateway import build_gateway

PAGE = "https://chat.example.org"
PREFLIGHT = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type, x-stainless-os",
}


@asynccontextmanager
async def caller(folder: Path, origins: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a caller without a key of a gateway that lets ``origins`` in."""
    gateway = await build_gateway(folder)
    transport = httpx2.ASGITransport(Cors(gateway.app, origins_of(origins)), raise_app_exceptions=False)
    async with httpx2.AsyncClient(base_url="http://gateway", transport=transport, verify=False) as client:
        yield client


@pytest.mark.parametrize("origins", [PAGE, f"https://other.example, {PAGE.upper()}"])
async def test_preflight_needs_no_key(tmp_path: Path, origins: str) -> None:
    """The headers that are asked for are allowed by name; credentials never."""
    async with caller(tmp_path, origins) as client:
        answer = await client.options("/sora/v1/videos", headers=PREFLIGHT)
    assert answer.status_code == 204
    assert answer.content == b""
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-headers"] == PREFLIGHT["Access-Control-Request-Headers"]
    assert {"GET", "POST", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    assert "origin" in answer.headers["vary"].lower()
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/sora/v1/models", 401),
        ("GET", "/nowhere", 404),
        ("GET", "/healthz", 200),
        ("PUT", "/v1/videos", 405),
    ],
)
async def test_every_answer_is_marked(tmp_path: Path, method: str, path: str, status: int) -> None:
    """Errors too, or a page could not read why it was refused."""
    async with caller(tmp_path, PAGE) as client:
        answer = await client.request(method, path, headers={"Origin": PAGE})
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == PAGE
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"x-request-id", "openai-poll-after-ms", "retry-after", "content-disposition"} <= set(exposed)
    assert tuple(exposed) == EXPOSED


async def test_any_origin(tmp_path: Path) -> None:
    """``*`` lets every page in, also one without an origin of its own."""
    async with caller(tmp_path, "*") as client:
        for origin in (PAGE, "null"):
            answer = await client.get("/healthz", headers={"Origin": origin})
            assert answer.headers["access-control-allow-origin"] == "*"
            assert "vary" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        f"{PAGE}.evil.example",
        "https://chat.example.org:8443",
        "http://chat.example.org",
    ],
)
async def test_other_pages_get_nothing(tmp_path: Path, origin: str) -> None:
    """Their preflight is an ordinary refused request, and no answer is marked for them."""
    async with caller(tmp_path, PAGE) as client:
        asked = await client.options("/v1/videos", headers={**PREFLIGHT, "Origin": origin})
        plain = await client.get("/healthz", headers={"Origin": origin})
    assert asked.status_code == 405
    for answer in (asked, plain):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("names", ["x\x80y", "a b", "a,,b", ",", "x" * 5000])
async def test_odd_names_are_not_repeated(tmp_path: Path, names: str) -> None:
    """What is no list of header names is not echoed."""
    headers = {**PREFLIGHT, "Access-Control-Request-Headers": names.encode("latin-1")}
    async with caller(tmp_path, "*") as client:
        answer = await client.options("/v1/videos", headers=headers)
    assert answer.status_code == 204
    assert "access-control-allow-headers" not in answer.headers


async def test_without_an_origin_nothing_changes(tmp_path: Path) -> None:
    """SDKs and servers see the answers they always saw; caches learn that pages may see others."""
    async with caller(tmp_path, PAGE) as client:
        answer = await client.get("/healthz")
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "text", ["chat.example.org", "https://a.example/path", "https://u@a.example", "https://a b"]
)
def test_what_is_no_origin(text: str) -> None:
    """The operator learns which one and what would be right."""
    with pytest.raises(ValueError, match=r"no origin.*https://chat\.example\.org"):
        origins_of(text)


def test_none() -> None:
    """An empty setting allows nobody."""
    assert origins_of(" , ") == frozenset()
