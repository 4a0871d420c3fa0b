"""Routes that are known and not served yet say so."""

from __future__ import annotations

import pytest

from sora_gateway.domain.licences import Permission
from sora_gateway.surfaces.openai.later import NOT_YET
from tests.gateway import CHAT_KEY, KEY, Gateway, client_of


@pytest.mark.parametrize(("method", "path", "permission", "what"), NOT_YET)
async def test_refused_clearly(
    gateway: Gateway, method: str, path: str, permission: Permission, what: str
) -> None:
    """400 ``unsupported`` for those who may, 403 for those who may not, never a 404."""
    filled = path.format(video_id="video_1", character_id="char_1")
    async with client_of(gateway, KEY) as client:
        answer = await client.request(method, filled)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "unsupported"
    assert what in answer.json()["error"]["message"]
    async with client_of(gateway, CHAT_KEY) as client:
        assert (await client.request(method, filled)).status_code == 403
