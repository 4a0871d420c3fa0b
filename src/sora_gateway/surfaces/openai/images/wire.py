"""The messages of OpenAI's Images API."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

Made = Literal["image_generation", "image_edit"]
CompletedType = Literal["image_generation.completed", "image_edit.completed"]
PartialType = Literal["image_generation.partial_image", "image_edit.partial_image"]


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
    """One result. ``b64_json`` is bare base64; ``url`` opens without a key until it expires.

    ``revised_prompt`` is the prompt that was used where it is not the caller's own.
    """

    b64_json: NotRequired[str]
    url: NotRequired[str]
    revised_prompt: NotRequired[str]


class ImagesResponse(TypedDict):
    """The answer to a generation, an edit or a variation.

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


class PartialImageEvent(TypedDict):
    """The event before the last one, at most one and only on request.

    The backend shows nothing of a picture that it is still making. So this is no earlier state of it but the
    result itself, made small, for clients that show a preview while the whole picture is on its way.
    ``size`` is that of the whole picture.

    Source: openai-python 3.54 ``types/image_gen_partial_image_event.py``,
    ``image_edit_partial_image_event.py``, read 2026-11-22.

    Example: ``{"type": "image_generation.partial_image", "b64_json": "iVBORw0...", "partial_image_index": 0,
    "created_at": 1763812800, "size": "1024x1024", "quality": "auto", "background": "auto",
    "output_format": "png"}``
    """

    type: PartialType
    b64_json: str
    partial_image_index: int
    created_at: int
    size: str
    quality: Literal["auto"]
    background: Literal["auto"]
    output_format: str


class ImageEvent(TypedDict):
    """The event that ends a stream.

    Source: openai-python 3.54 ``types/image_gen_completed_event.py``, ``image_edit_completed_event.py``,
    read 2026-11-22.

    Example: ``{"type": "image_generation.completed", "b64_json": "iVBORw0...", "created_at": 1763812800,
    "size": "1024x1024", "quality": "auto", "background": "auto", "output_format": "png", "usage": {...}}``
    """

    type: CompletedType
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
}
_STREAM_FIELDS: dict[str, Any] = {
    "stream": {"type": "boolean", "default": False},
    "partial_images": {"type": "integer", "minimum": 0, "maximum": 3, "default": 0},
}
_PICTURE_FIELDS: dict[str, Any] = {
    "image": {
        "description": "a URL, a data URL or base64",
        "oneOf": [_TEXT, {"type": "array", "items": _TEXT}],
    },
    "images": {
        "type": "array",
        "items": {"type": "object", "properties": {"image_url": _TEXT, "file_id": _TEXT}},
    },
}

GENERATION: dict[str, Any] = {
    "title": "ImageRequest",
    "examples": [{"prompt": "画小猫", "model": "sora_image"}],
    "type": "object",
    "required": ["prompt"],
    "additionalProperties": True,
    "properties": {**_GENERATION_FIELDS, **_STREAM_FIELDS},
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
    "properties": {**_GENERATION_FIELDS, **_STREAM_FIELDS, **_PICTURE_FIELDS},
}
"""Fields of ``POST /v1/images/edits``; ``image`` or ``images`` is required.

Source: OpenAI API reference, Create image edit, read 2026-11-22.
"""

VARIATION: dict[str, Any] = {
    "title": "ImageVariationRequest",
    "examples": [{"images": [{"image_url": "https://example.com/cat.png"}], "n": 2}],
    "type": "object",
    "additionalProperties": True,
    "properties": {
        **_GENERATION_FIELDS,
        **_PICTURE_FIELDS,
        "prompt": {**_GENERATION_FIELDS["prompt"], "description": "ours to add; without it we write one"},
    },
}
"""Fields of ``POST /v1/images/variations``; ``image`` or ``images`` is required.

Source: openai-python 3.54 ``types/image_create_variation_params.py``, read 2026-11-22. OpenAI itself has
retired the route; its SDKs still have it.
"""
