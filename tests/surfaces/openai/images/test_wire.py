"""The samples have the shapes of the wire module, and of the SDK's types."""

from __future__ import annotations

import pytest
from openai.types import (
    ImageEditCompletedEvent,
    ImageEditPartialImageEvent,
    ImageGenCompletedEvent,
    ImageGenPartialImageEvent,
    ImagesResponse,
)
from pydantic import TypeAdapter

from sora_gateway.surfaces.openai.images import wire
from tests.surfaces.openai.samples import sample


def test_answer() -> None:
    """The strict reading of openai-python accepts it."""
    answer = sample("images.json")
    TypeAdapter(wire.ImagesResponse).validate_python(answer, strict=True)
    assert ImagesResponse.model_validate(answer, strict=True).output_format == "png"


def test_events() -> None:
    """The event that ends a stream, of both routes."""
    event = sample("image_event.json")
    TypeAdapter(wire.ImageEvent).validate_python(event, strict=True)
    ImageGenCompletedEvent.model_validate(event, strict=True)
    ImageEditCompletedEvent.model_validate({**event, "type": "image_edit.completed"}, strict=True)


def test_partial_events() -> None:
    """The event before it."""
    event = sample("image_partial_event.json")
    TypeAdapter(wire.PartialImageEvent).validate_python(event, strict=True)
    ImageGenPartialImageEvent.model_validate(event, strict=True)
    ImageEditPartialImageEvent.model_validate({**event, "type": "image_edit.partial_image"}, strict=True)


@pytest.mark.parametrize("name", ["b64_json", "url"])
def test_variation(name: str) -> None:
    """A result with the prompt that was used."""
    answer = {**sample("images.json"), "data": [{name: "x", "revised_prompt": "y"}]}
    TypeAdapter(wire.ImagesResponse).validate_python(answer, strict=True)
    assert ImagesResponse.model_validate(answer, strict=True).data


def test_documented_fields() -> None:
    """An edit has all fields of a generation, and the pictures; a variation needs and streams nothing."""
    assert set(wire.EDIT["properties"]) - set(wire.GENERATION["properties"]) == {"image", "images"}
    assert set(wire.EDIT["properties"]) - set(wire.VARIATION["properties"]) == {"stream", "partial_images"}
    assert "required" not in wire.VARIATION
