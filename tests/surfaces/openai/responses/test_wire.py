"""The samples have the shapes of the wire module, and of the SDK's types."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from openai.types.responses import Response as SdkResponse
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from sora_gateway.surfaces.openai.responses import wire
from tests.surfaces.openai.samples import sample

EVENTS: Any = TypeAdapter(ResponseStreamEvent)


@pytest.mark.parametrize("name", ["response_image.json", "response_video.json"])
def test_response(name: str) -> None:
    """The strict reading of openai-python accepts it."""
    answer = sample(name)
    TypeAdapter(wire.ResponseObject).validate_python(answer, strict=True)
    SdkResponse.model_validate(answer, strict=True)


@pytest.mark.parametrize("name", ["response_stream_image.txt", "response_stream_video.txt"])
def test_events(name: str) -> None:
    """Each has a name, the same type inside, the next number, and a shape that the SDK knows."""
    blocks = sample(name).strip().split("\n\n")
    for number, block in enumerate(blocks):
        head, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert head == f"event: {event['type']}"
        assert event["sequence_number"] == number
        EVENTS.validate_python(event)
        del event["sequence_number"]
        assert sum(_is_a(shape, event) for shape in get_args(wire.Event)) == 1


def _is_a(shape: Any, event: dict[str, Any]) -> bool:
    try:
        TypeAdapter(shape).validate_python(event, strict=True)
    except ValueError:
        return False
    return True


def test_documented_fields() -> None:
    """Those that matter are named, all others are taken."""
    assert wire.REQUEST["required"] == ["input"]
    assert wire.REQUEST["additionalProperties"] is True
