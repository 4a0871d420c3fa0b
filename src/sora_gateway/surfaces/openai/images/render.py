"""Show finished images as OpenAI does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.surfaces.openai.images.wire import (
    CompletedType,
    Image,
    ImageEvent,
    ImagesResponse,
    Made,
    PartialImageEvent,
    PartialType,
    Usage,
)
from sora_gateway.web.streaming import encode_event
from sora_gateway.web.usage import text_tokens

_COMPLETED: Mapping[Made, CompletedType] = {
    "image_generation": "image_generation.completed",
    "image_edit": "image_edit.completed",
}
_PARTIAL: Mapping[Made, PartialType] = {
    "image_generation": "image_generation.partial_image",
    "image_edit": "image_edit.partial_image",
}


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


def render_partial(
    request: GenerationRequest, b64_json: str, *, made: Made, created_at: float, encoding: str
) -> bytes:
    """Return the event with a picture before the last one; ``size`` is that of the picture to come."""
    event: PartialImageEvent = {
        "type": _PARTIAL[made],
        "b64_json": b64_json,
        "partial_image_index": 0,
        "created_at": int(created_at),
        "size": request.size,
        "quality": "auto",
        "background": "auto",
        "output_format": encoding,
    }
    return encode_event(event, event=event["type"])


def render_completed(
    request: GenerationRequest, b64_json: str, *, made: Made, created_at: float, encoding: str
) -> bytes:
    """Return the event that ends a stream."""
    event: ImageEvent = {
        "type": _COMPLETED[made],
        "b64_json": b64_json,
        "created_at": int(created_at),
        "size": request.size,
        "quality": "auto",
        "background": "auto",
        "output_format": encoding,
        "usage": render_usage(request),
    }
    return encode_event(event, event=event["type"])
