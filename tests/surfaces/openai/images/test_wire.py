"""The samples have the shapes of the wire module, and of the SDK's types."""

from __future__ import annotations

from openai.types import ImageEditCompletedEvent, ImageGenCompletedEvent, ImagesResponse
from pydantic import TypeAdapter

from sora_gateway.surfaces.openai.images import wire
from tests.surfaces.openai.samples import sample


def test_answer() -> None:
    """The strict reading of openai-python accepts it."""
    answer = sample("images.json")
    TypeAdapter(wire.ImagesResponse).validate_python(answer, strict=True)
    assert ImagesResponse.model_validate(answer, strict=True).output_format == "png"


def test_events() -> None:
    """Both events of a stream."""
    event = sample("image_event.json")
    TypeAdapter(wire.ImageEvent).validate_python(event, strict=True)
    ImageGenCompletedEvent.model_validate(event, strict=True)
    ImageEditCompletedEvent.model_validate({**event, "type": "image_edit.completed"}, strict=True)


def test_documented_fields() -> None:
    """An edit has all fields of a generation, and the pictures."""
    assert set(wire.EDIT["properties"]) - set(wire.GENERATION["properties"]) == {"image", "images"}
