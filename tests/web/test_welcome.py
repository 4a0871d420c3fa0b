"""Who comes without knowing anything finds the way, and nothing is fetched from elsewhere for it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from sora_gateway.app import install_surfaces
from sora_gateway.web.welcome import SECURITY


@pytest.fixture
async def newcomer() -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody without a key, before an application as it is served."""
    app = FastAPI(title="sora-gateway", version="1.2.3", docs_url=None, redoc_url=None)
    install_surfaces(app, max_body_bytes=1000)
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(base_url="http://gateway", transport=transport, verify=False) as client:
        yield client


@pytest.mark.parametrize(("path", "mount"), [("/", ""), ("/sora", "/sora"), ("/sora/", "/sora")])
async def test_root(newcomer: httpx2.AsyncClient, path: str, mount: str) -> None:
    """Name, version, and links below the same mount that lead somewhere."""
    answer = await newcomer.get(path)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["name"], told["version"]) == ("sora-gateway", "1.2.3")
    assert told["links"]["health"] == f"{mount}/healthz"
    for link in (told["links"][name] for name in ("docs", "openapi", "health")):
        assert (await newcomer.get(link)).status_code == 200


async def test_docs_load_nothing(newcomer: httpx2.AsyncClient) -> None:
    """The page holds every route, no script, no picture and no address of another host."""
    answer = await newcomer.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert not re.search(r"<script|<img|<link|@import|url\(|src=|https?://", answer.text)
    schema = (await newcomer.get("/openapi.json")).json()
    for path in schema["paths"]:
        assert f"<code>{path}</code>" in answer.text


async def test_openapi_names_the_key(newcomer: httpx2.AsyncClient) -> None:
    """A bearer key is needed, but for the routes that say otherwise."""
    schema = (await newcomer.get("/sora/openapi.json")).json()
    assert schema["components"]["securitySchemes"] == SECURITY
    assert schema["security"] == [{"bearer": []}]
    assert [server["url"] for server in schema["servers"]] == ["/", "/sora"]
    assert schema["paths"]["/healthz"]["get"]["security"] == []
    assert "security" not in schema["paths"]["/v1/videos"]["post"]
