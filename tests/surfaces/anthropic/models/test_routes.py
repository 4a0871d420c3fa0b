"""The Models API over HTTP, on the paths it shares."""

from __future__ import annotations

import httpx2
import pytest

from tests.surfaces.anthropic.wiring import VERSION


async def test_list(client: httpx2.AsyncClient) -> None:
    """The families come first; without Anthropic's header the same path has OpenAI's list."""
    page = (await client.get("/sora/v1/models?limit=3", headers=VERSION)).json()
    assert [model["id"] for model in page["data"]] == ["sora_image", "sora_video", "sora_video2"]
    assert (page["has_more"], page["first_id"], page["last_id"]) == (True, "sora_image", "sora_video2")
    assert (await client.get("/sora/v1/models")).json()["object"] == "list"


@pytest.mark.parametrize("name", ["sora_video2-landscape-15s", "sora-2", "sora_video2%7C%5Bfree,plus%5D"])
async def test_one(client: httpx2.AsyncClient, name: str) -> None:
    """Any name that can be asked for, listed or not."""
    answer = await client.get(f"/v1/models/{name}", headers=VERSION)
    assert answer.status_code == 200
    assert (answer.json()["type"], answer.json()["lifecycle"]) == ("model", "active")


@pytest.mark.parametrize("name", ["gpt-4", "org%2Fmodel", "sora_video2-30s", "ft:gpt:org"])
async def test_unknown(client: httpx2.AsyncClient, name: str) -> None:
    """404, as ``models.retrieve`` expects."""
    answer = await client.get(f"/v1/models/{name}", headers=VERSION)
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "not_found_error"


@pytest.mark.parametrize(("query", "status"), [("limit=0", 400), ("after_id=gpt-4", 404)])
async def test_bad_windows(client: httpx2.AsyncClient, query: str, status: int) -> None:
    """A piece that does not exist."""
    assert (await client.get(f"/v1/models?{query}", headers=VERSION)).status_code == status
