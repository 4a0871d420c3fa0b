"""The samples have the shapes of the wire module, and of the SDK's types."""

from __future__ import annotations

import json

import pytest
from openai.types.chat import ChatCompletion as SdkCompletion
from openai.types.chat import ChatCompletionChunk as SdkChunk
from pydantic import TypeAdapter

from sora_gateway.surfaces.openai.chat import wire
from tests.surfaces.openai.samples import sample


def test_completion() -> None:
    """The strict reading of openai-python accepts it."""
    answer = sample("chat_completion.json")
    TypeAdapter(wire.ChatCompletion).validate_python(answer, strict=True)
    SdkCompletion.model_validate(answer, strict=True)


@pytest.mark.parametrize("name", ["chat_stream_image.txt", "chat_stream_video.txt"])
def test_chunks(name: str) -> None:
    """Each chunk; content, reasoning and images never together."""
    *chunks, done = sample(name).strip().split("\n\n")
    assert done == "data: [DONE]"
    for text in chunks:
        chunk = json.loads(text.removeprefix("data: "))
        TypeAdapter(wire.ChatChunk).validate_python(chunk, strict=True)
        SdkChunk.model_validate(chunk, strict=True)
        for choice in chunk["choices"]:
            assert len({"content", "reasoning_content", "images"} & set(choice["delta"])) <= 1


def test_documented_fields() -> None:
    """Those that matter are named, all others are taken."""
    assert wire.REQUEST["required"] == ["model", "messages"]
    assert wire.REQUEST["additionalProperties"] is True
