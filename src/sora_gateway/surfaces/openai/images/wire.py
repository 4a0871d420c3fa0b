"""The messages of OpenAI's Images API."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict


class TokenDetails(TypedDict):
    """Example: ``{"text_tokens": 3, "image_tokens": 0}``."""

    text_tokens: int
    image_tokens: int


class Usage(TypedDict):
    """Estimates. Example: ``{"input_tokens": 3, "output_tokens": 0, "total_tokens": 3, ...}``."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: TokenDetails
    output_tokens_details: TokenDetails


class Image(TypedDict):
    """One result. ``b64_json`` is bare base64; ``url`` opens without a key until it expires."""

    b64_json: NotRequired[str]
    url: NotRequired[str]


class ImagesResponse(TypedDict):
    """The answer to a generation or an edit.

    Source: OpenAI API reference, Images (OpenAPI description, August 2026) and openai-python 3.54
    ``types/images_response.py``, read 2026-11-22. ``quality`` and ``background`` are left out: the strict
    SDK takes only values that we cannot vouch for.

    Example: ``{"created": 1763812800, "data": [{"b64_json": "iVBORw0..."}], "size": "1024x1024",
    "output_format": "png", "usage": {...}}``
    """

    created: int
    data: list[Image]
    size: str
    output_format: NotRequired[str]
    usage: Usage


class ImageEvent(TypedDict):
    """The one event of a stream; no partial images are made.

    Source: openai-python 3.54 ``types/image_gen_completed_event.py``, ``image_edit_completed_event.py``,
    read 2026-11-22.

    Example: ``{"type": "image_generation.completed", "b64_json": "iVBORw0...", "created_at": 1763812800,
    "size": "1024x1024", "quality": "auto", "background": "auto", "output_format": "png", "usage": {...}}``
    """

    type: Literal["image_generation.completed", "image_edit.completed"]
    b64_json: str
    created_at: int
    size: str
    quality: Literal["auto"]
    background: Literal["auto"]
    output_format: str
    usage: Usage


_TEXT = {"type": "string"}
_GENERATION_FIELDS: dict[str, Any] = {
    "prompt": {"type": "string", "minLength": 1, "maxLength": 32000},
    "model": {"type": "string", "default": "sora_image"},
    "n": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1},
    "size": {"type": "string", "description": "WxH or auto; decides between 1:1, 3:2 and 2:3"},
    "response_format": {"type": "string", "enum": ["b64_json", "url"], "default": "b64_json"},
    "output_format": {"type": "string", "enum": ["png", "jpeg", "webp"]},
    "stream": {"type": "boolean", "default": False},
}

GENERATION: dict[str, Any] = {
    "title": "ImageRequest",
    "examples": [{"prompt": "画小猫", "model": "sora_image"}],
    "type": "object",
    "required": ["prompt"],
    "additionalProperties": True,
    "properties": _GENERATION_FIELDS,
}
"""Fields of ``POST /v1/images/generations``; unknown ones are ignored.

Source: OpenAI API reference, Create image, read 2026-11-22.
"""

EDIT: dict[str, Any] = {
    "title": "ImageEditRequest",
    "examples": [{"prompt": "换一个风格", "images": [{"image_url": "https://example.com/cat.png"}]}],
    "type": "object",
    "required": ["prompt"],
    "additionalProperties": True,
    "properties": {
        **_GENERATION_FIELDS,
        "image": {
            "description": "a URL, a data URL or base64",
            "oneOf": [_TEXT, {"type": "array", "items": _TEXT}],
        },
        "images": {
            "type": "array",
            "items": {"type": "object", "properties": {"image_url": _TEXT, "file_id": _TEXT}},
        },
    },
}
"""Fields of ``POST /v1/images/edits``; ``image`` or ``images`` is required.

Source: OpenAI API reference, Create image edit, read 2026-11-22.
"""
