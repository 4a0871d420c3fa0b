"""Show finished images as OpenAI does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.surfaces.openai.images.wire import Image, ImageEvent, ImagesResponse, Usage
from sora_gateway.web.streaming import encode_event
from sora_gateway.web.usage import text_tokens

EventType = Literal["image_generation.completed", "image_edit.completed"]


def render_usage(request: GenerationRequest) -> Usage:
    """Return estimates; pictures are not counted in tokens."""
    tokens = text_tokens(request.prompt)
    return {
        "input_tokens": tokens,
        "output_tokens": 0,
        "total_tokens": tokens,
        "input_tokens_details": {"text_tokens": tokens, "image_tokens": 0},
        "output_tokens_details": {"text_tokens": 0, "image_tokens": 0},
    }


def render_images(
    request: GenerationRequest, images: Sequence[Image], *, created_at: float, encoding: str | None
) -> ImagesResponse:
    """Return the answer; ``encoding`` is what the pictures are, None if it is none of OpenAI's."""
    answer: ImagesResponse = {
        "created": int(created_at),
        "data": list(images),
        "size": request.size,
        "usage": render_usage(request),
    }
    if encoding is not None:
        answer["output_format"] = encoding
    return answer


def render_event(
    request: GenerationRequest, b64_json: str, *, name: EventType, created_at: float, encoding: str | None
) -> bytes:
    """Return the event that ends a stream."""
    event: ImageEvent = {
        "type": name,
        "b64_json": b64_json,
        "created_at": int(created_at),
        "size": request.size,
        "quality": "auto",
        "background": "auto",
        "output_format": encoding or "png",
        "usage": render_usage(request),
    }
    return encode_event(event, event=name)
