"""The samples have the shapes of the wire module, and of the SDK's types."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.genai import types
from pydantic import TypeAdapter

from sora_gateway.surfaces.gemini.generate_content import wire
from tests.surfaces.gemini.samples import sample

ANSWERS = ["content_image.json", "content_video.json"]


def _pieces() -> list[Any]:
    return [json.loads(text.removeprefix("data: ")) for text in sample("stream.txt").strip().split("\n\n")]


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(name: str) -> None:
    """google-genai, which takes no unknown keys, accepts it."""
    answer = sample(name)
    TypeAdapter(wire.GenerateContentResponse).validate_python(answer, strict=True)
    types.GenerateContentResponse.model_validate(answer)


def test_pieces() -> None:
    """Thoughts, then the result; ``finishReason`` and usage on the last alone."""
    *thoughts, last = _pieces()
    for piece in (*thoughts, last):
        TypeAdapter(wire.GenerateContentResponse).validate_python(piece, strict=True)
        types.GenerateContentResponse.model_validate(piece)
    assert all("finishReason" not in piece["candidates"][0] for piece in thoughts)
    assert all(piece["candidates"][0]["content"]["parts"][0]["thought"] for piece in thoughts)
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert "usageMetadata" in last


def test_documented_fields() -> None:
    """Those that matter are named, all others are taken."""
    assert wire.GENERATE["required"] == ["contents"]
    assert wire.PREDICT["required"] == ["instances"]
    assert all(fields["additionalProperties"] for fields in (wire.GENERATE, wire.COUNT, wire.PREDICT))
