"""The samples have the shapes of the wire module, and of the SDK's types."""

from __future__ import annotations

import json

import pytest
from anthropic.types import Message as SdkMessage
from anthropic.types import RawMessageStreamEvent as SdkEvent
from pydantic import TypeAdapter

from sora_gateway.surfaces.anthropic.errors import ErrorAnswer
from sora_gateway.surfaces.anthropic.messages import wire
from tests.surfaces.anthropic.samples import sample


def test_message() -> None:
    """The strict reading of anthropic-python accepts it."""
    answer = sample("message.json")
    TypeAdapter(wire.MessageAnswer).validate_python(answer, strict=True)
    SdkMessage.model_validate(answer, strict=True)


@pytest.mark.parametrize("name", ["stream.txt", "stream_failed.txt"])
def test_events(name: str) -> None:
    """Each has an ``event:`` line with its type, and data on one line."""
    for text in sample(name).strip().split("\n\n"):
        first, second = text.split("\n")
        event = json.loads(second.removeprefix("data: "))
        assert first == f"event: {event['type']}"
        if event["type"] == "error":
            TypeAdapter(ErrorAnswer).validate_python(event, strict=True)
            continue
        TypeAdapter(wire.MessageEvent).validate_python(event, strict=True)
        if event["type"] != "ping":  # which the SDK drops by its name
            TypeAdapter(SdkEvent).validate_python(event, strict=True)


def test_documented_fields() -> None:
    """Those that matter are named, all others are taken."""
    for request in (wire.REQUEST, wire.COUNT_REQUEST):
        assert request["required"] == ["model", "messages"]
        assert request["additionalProperties"] is True
