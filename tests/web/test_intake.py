"""Requests of all dialects are taken in the same way; see the dialects' own tests for the whole of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway import CHAT_KEY, Gateway, client_of, served


@pytest.fixture
async def gateway(tmp_path):  # type: ignore[no-untyped-def]
    async with served(tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ({}, 200),
        ({"character_timestamps": "0,3"}, 200),
        ({"character_create": False}, 200),
        ({"character_url": "https://example.org/a.mp4"}, 403),
        ({"character_timestamps": "1,3"}, 403),
        ({"characters": [{"id": "ch_1"}]}, 403),
    ],
)
async def test_characters_need_their_permission(gateway: Gateway, extra: dict[str, Any], status: int) -> None:
    """Whoever asks for a character needs the permission; the defaults ask for none."""
    body = {"model": "sora_video2", "messages": [{"role": "user", "content": "x"}], "stream": True, **extra}
    headers = {"Authorization": f"Bearer {CHAT_KEY}"}
    async with (
        client_of(gateway) as client,
        client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer,
    ):
        assert answer.status_code == status
