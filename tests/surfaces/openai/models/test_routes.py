"""The Models API over HTTP."""

from __future__ import annotations

import httpx2
import pytest


async def test_list(client: httpx2.AsyncClient) -> None:
    """The families come first."""
    answer = await client.get("/sora/v1/models")
    assert [model["id"] for model in answer.json()["data"]][:3] == ["sora_image", "sora_video", "sora_video2"]


@pytest.mark.parametrize("name", ["sora_video2-landscape-15s", "sora-2", "sora_video2%7C%5Bfree,plus%5D"])
async def test_one(client: httpx2.AsyncClient, name: str) -> None:
    """Any name that can be asked for, listed or not."""
    answer = await client.get(f"/v1/models/{name}")
    assert answer.status_code == 200
    assert answer.json()["capabilities"]["family"] == "sora_video2"


@pytest.mark.parametrize("name", ["gpt-4", "org%2Fmodel", "sora_video2-30s", "ft:gpt:org"])
async def test_unknown(client: httpx2.AsyncClient, name: str) -> None:
    """404, as ``models.retrieve`` expects."""
    answer = await client.get(f"/v1/models/{name}")
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("model_not_found", "model")
