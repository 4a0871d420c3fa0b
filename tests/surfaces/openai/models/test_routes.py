"""The Models API over HTTP."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from sora_gateway.domain.model_aliases import with_aliases
from sora_gateway.domain.parameters import Policy
from tests.gateway import build_gateway, client_of


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


async def test_text_models(client: httpx2.AsyncClient) -> None:
    """All nine are listed; each can be looked up, with groups too."""
    listed = [model["id"] for model in (await client.get("/v1/models")).json()["data"]]
    assert len([name for name in listed if name.startswith("prompt-enhance-")]) == 9
    shown = (await client.get("/v1/models/prompt-enhance-long-15s|[free]")).json()
    assert (shown["object"], shown["owned_by"], shown["capabilities"]["kind"]) == (
        "model",
        "sora-gateway",
        "text",
    )


async def test_own_aliases(tmp_path: Path) -> None:
    """They are listed, and show what they mean."""
    policy = Policy(aliases=with_aliases({"my-video": "sora_video2-pro-25s"}))
    async with client_of(await build_gateway(tmp_path, policy=policy)) as client:
        assert "my-video" in [model["id"] for model in (await client.get("/v1/models")).json()["data"]]
        shown = (await client.get("/v1/models/my-video")).json()
    assert (shown["id"], shown["capabilities"]["canonical"]) == ("my-video", "sora_video2-25s-pro")


@pytest.mark.parametrize(
    "name", ["prompt-enhance-long-25s", "gpt-4", "org%2Fmodel", "sora_video2-30s", "ft:gpt:org"]
)
async def test_unknown(client: httpx2.AsyncClient, name: str) -> None:
    """404, as ``models.retrieve`` expects."""
    answer = await client.get(f"/v1/models/{name}")
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("model_not_found", "model")
