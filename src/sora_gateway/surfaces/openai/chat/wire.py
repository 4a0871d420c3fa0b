"""The messages of OpenAI's Chat Completions API, as far as pictures and videos go through it."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict


class Usage(TypedDict):
    """Estimates. Example: ``{"prompt_tokens": 3, "completion_tokens": 20, "total_tokens": 23}``."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ImageUrl(TypedDict):
    """Example: ``{"url": "data:image/png;base64,iVBORw0..."}``."""

    url: str


class ImagePart(TypedDict):
    """A picture in OpenRouter's manner, sent only when ``modalities`` asks for images.

    Source: OpenRouter documentation, Image Generation, and sdk-contract section 4, read 2026-11-22.

    Example: ``{"type": "image_url", "image_url": {"url": "data:..."}, "index": 0}``
    """

    type: Literal["image_url"]
    image_url: ImageUrl
    index: int


class Message(TypedDict):
    """What the assistant says; ``reasoning_content`` only where it was asked for."""

    role: Literal["assistant"]
    content: str
    refusal: None
    reasoning_content: NotRequired[str]
    images: NotRequired[list[ImagePart]]


class Choice(TypedDict):
    """The one choice of an answer; several results stand in its content."""

    index: int
    message: Message
    finish_reason: Literal["stop"]
    logprobs: None


class ChatCompletion(TypedDict):
    """A whole answer.

    Source: OpenAI API reference, Chat completions, and openai-python 3.54 ``types/chat``, read 2026-11-22.

    Example: ``{"id": "chatcmpl-01k...", "object": "chat.completion", "created": 1763812800,
    "model": "sora_image", "choices": [{"index": 0, "message": {"role": "assistant",
    "content": "![image](https://...)", "refusal": null}, "finish_reason": "stop", "logprobs": null}],
    "usage": {...}}``
    """

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    service_tier: NotRequired[str]


class Delta(TypedDict, total=False):
    """A piece of an answer; ``content``, ``reasoning_content`` and ``images`` never come together."""

    role: Literal["assistant"]
    content: str
    reasoning_content: str
    images: list[ImagePart]


class ChunkChoice(TypedDict):
    """The choice that a chunk continues."""

    index: int
    delta: Delta
    finish_reason: Literal["stop"] | None
    logprobs: None


class ChatChunk(TypedDict):
    """A piece of a streamed answer.

    Source: as ``ChatCompletion``; the order of chunks is that of sdk-contract section 4.

    Example: ``{"id": "chatcmpl-01k...", "object": "chat.completion.chunk", "created": 1763812800,
    "model": "sora_image", "choices": [{"index": 0, "delta": {"reasoning_content": "45 %"},
    "finish_reason": null, "logprobs": null}]}``
    """

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    service_tier: NotRequired[str]
    usage: NotRequired[Usage | None]


REQUEST: dict[str, Any] = {
    "title": "ChatRequest",
    "examples": [
        {"model": "sora_image", "messages": [{"role": "user", "content": "画小猫"}], "stream": True},
    ],
    "type": "object",
    "required": ["model", "messages"],
    "additionalProperties": True,
    "properties": {
        "model": {"type": "string", "description": "a name of `GET /v1/models`"},
        "messages": {
            "type": "array",
            "minItems": 1,
            "description": (
                "the last user message is the prompt, of parts `text`, `image_url`, `video_url` and `file`; "
                "a picture or video of ours in an earlier answer is what a message without any changes"
            ),
            "items": {"type": "object"},
        },
        "stream": {"type": "boolean", "default": False},
        "stream_options": {"type": "object", "properties": {"include_usage": {"type": "boolean"}}},
        "modalities": {
            "type": "array",
            "items": {"type": "string"},
            "description": "with `image` pictures come as data URLs in `images`",
        },
        "close_reasoning_content": {
            "type": "boolean",
            "default": False,
            "description": "no progress in the stream; in the query too",
        },
        "return_reasoning_content": {
            "type": "boolean",
            "default": False,
            "description": "progress in an answer that is not streamed; in the query too",
        },
        "n": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1},
        "size": {"type": "string"},
        "seconds": {"type": "string"},
        "service_tier": {"type": "string", "enum": ["auto", "default", "flex", "priority"]},
    },
}
"""Fields of ``POST /v1/chat/completions``; those of the Videos and Images API go too.

Source: OpenAI API reference, Create chat completion, read 2026-11-22.
"""
