"""The caller of a request, and what he may do."""

from __future__ import annotations

from tests.gateway import CHAT_KEY, Gateway, client_of


async def test_missing_permission_is_named(gateway: Gateway) -> None:
    """403, and the message names what is missing."""
    async with client_of(gateway, key=CHAT_KEY) as client:
        answer = await client.post("/v1/videos", json={"prompt": "x"})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "permission_denied"
    assert "videos" in answer.json()["error"]["message"]


async def test_any_key_may_list_models(gateway: Gateway) -> None:
    """Routes without a permission want a key, whatever it may do."""
    async with client_of(gateway, key=CHAT_KEY) as client:
        assert (await client.get("/v1/models")).status_code == 200
    async with client_of(gateway, key=None) as client:
        assert (await client.get("/v1/models")).status_code == 401
