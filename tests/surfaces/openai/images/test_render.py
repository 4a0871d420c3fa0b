"""Finished images as OpenAI shows them."""

from __future__ import annotations

import json

from sora_gateway.domain.parameters import resolve_image
from sora_gateway.surfaces.openai.images.render import render_completed, render_images, render_partial
from tests.surfaces.openai.jobs import AT
from tests.surfaces.openai.samples import sample

REQUEST = resolve_image({"prompt": "画小猫", "size": "1024x1024"}).request


def test_golden() -> None:
    """The whole answer, key for key."""
    answer = render_images(REQUEST, [{"b64_json": "iVBORw0KGgo="}], created_at=AT, encoding="png")
    assert answer == sample("images.json")


def test_unknown_format_is_left_out() -> None:
    """OpenAI's words for formats, or none."""
    assert "output_format" not in render_images(REQUEST, [{"url": "u"}], created_at=AT, encoding=None)


def test_event() -> None:
    """``event:`` equals the type inside."""
    event = render_completed(REQUEST, "iVBORw0KGgo=", made="image_generation", created_at=AT, encoding="png")
    first, second, *rest = event.decode().split("\n")
    assert first == "event: image_generation.completed"
    assert json.loads(second.removeprefix("data: ")) == sample("image_event.json")
    assert rest == ["", ""]


def test_partial_event() -> None:
    """The same keys with an index, without the usage."""
    event = render_partial(REQUEST, "iVBORw0KGgo=", made="image_generation", created_at=AT, encoding="png")
    first, second, *rest = event.decode().split("\n")
    assert first == "event: image_generation.partial_image"
    assert json.loads(second.removeprefix("data: ")) == sample("image_partial_event.json")
    assert rest == ["", ""]
