"""Streams that beat with empty lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from sora_gateway.surfaces.gemini.streaming import ContentStream
from tests.surfaces.gemini.wiring import gemini_client, served_gemini


async def _nothing() -> AsyncGenerator[bytes, None]:
    return
    yield b""


@pytest.mark.parametrize(
    ("is_sse", "expected"),
    [(True, "text/event-stream; charset=utf-8"), (False, "application/json; charset=utf-8")],
)
async def test_type(is_sse: bool, expected: str) -> None:
    """Events or JSON."""
    assert ContentStream(_nothing(), is_sse=is_sse).headers["content-type"] == expected


@pytest.mark.parametrize("query", ["?alt=sse", ""])
async def test_heartbeat(tmp_path: Path, query: str) -> None:
    """Empty lines, and nothing that a reader of JSON would stumble over."""
    async with served_gemini(tmp_path, ping_s=0.02) as gateway, gemini_client(gateway) as client:
        body = {"contents": [{"parts": [{"text": "x"}]}]}
        seen = ""
        async with (
            client.stream("POST", f"/v1/models/sora_image:streamGenerateContent{query}", json=body) as answer,
            asyncio.timeout(5),
        ):
            async for text in answer.aiter_text():
                seen += text
                if seen.endswith("\n\n\n\n\n"):
                    break
        lines = [line for line in seen.splitlines() if line]
        assert len(lines) == 1
        assert lines[0].startswith("data: {" if query else "[{")
