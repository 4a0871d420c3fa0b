"""The models over HTTP."""

from __future__ import annotations

import httpx2
import pytest

from sora_gateway.domain.model_names import catalogue, parse_model_name
from sora_gateway.domain.parameters import DEFAULT_POLICY
from tests.gateway import CHAT_KEY, Gateway, client_of
from tests.surfaces.gemini.wiring import gemini_client


@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_pages(client: httpx2.AsyncClient, version: str) -> None:
    """All of them, each once; the last page has no token."""
    names, token = [], ""
    while True:
        query = {"pageSize": "20", "pageToken": token}
        answer = (await client.get(f"/sora/{version}/models", params=query)).json()
        assert len(answer["models"]) <= 20
        names += [model["name"] for model in answer["models"]]
        token = answer.get("nextPageToken", "")
        if not token:
            break
    assert names == [f"models/{model.asked}" for model in catalogue(DEFAULT_POLICY.aliases)]


@pytest.mark.parametrize("version", ["v1", "v1beta"])
@pytest.mark.parametrize("name", ["sora_video2-landscape-15s", "sora-2", "sora_video2%7C%5Bfree,plus%5D"])
async def test_one(client: httpx2.AsyncClient, version: str, name: str) -> None:
    """Any name that can be asked for, listed or not."""
    answer = await client.get(f"/{version}/models/{name}")
    assert answer.status_code == 200
    asked = answer.json()["name"].removeprefix("models/")
    assert parse_model_name(asked).family == "sora_video2"


@pytest.mark.parametrize("name", ["gemini-3.8-flash", "org%2Fmodel", "sora_video2-30s"])
async def test_unknown(client: httpx2.AsyncClient, name: str) -> None:
    """404, as ``models.get`` expects."""
    answer = await client.get(f"/v1beta/models/{name}")
    assert answer.status_code == 404
    assert answer.json()["error"]["details"][0]["reason"] == "MODEL_NOT_FOUND"


async def test_any_key(gateway: Gateway) -> None:
    """Looking needs no permission."""
    async with gemini_client(gateway, CHAT_KEY) as poor:
        assert (await poor.get("/v1beta/models")).status_code == 200


async def test_shared_path(gateway: Gateway) -> None:
    """Who speaks OpenAI's dialect gets OpenAI's list on the same path; ``?key=`` is Google's way."""
    async with client_of(gateway) as openai, client_of(gateway, key=None) as browser:
        assert "data" in (await openai.get("/v1/models")).json()
        assert "models" in (await browser.get(f"/v1/models?key={CHAT_KEY}")).json()
