"""The messages of Anthropic's Messages API, as far as pictures and videos go through it."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict


class TokenUsage(TypedDict):
    """Estimates. Example: ``{"input_tokens": 3, "output_tokens": 20}``."""

    input_tokens: int
    output_tokens: int


class TextBlock(TypedDict):
    """Example: ``{"type": "text", "text": "![image](https://...)"}``."""

    type: Literal["text"]
    text: str


class MessageAnswer(TypedDict):
    """A whole answer, and the empty one that a stream begins with.

    Source: Anthropic API reference, Messages, and anthropic-python 2.12 ``types/message.py``, read
    2026-11-22.

    Example: ``{"id": "msg_01k...", "type": "message", "role": "assistant", "model": "sora_image",
    "content": [{"type": "text", "text": "![image](https://...)"}], "stop_reason": "end_turn",
    "stop_sequence": null, "usage": {"input_tokens": 3, "output_tokens": 20}}``
    """

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[TextBlock]
    stop_reason: Literal["end_turn"] | None
    stop_sequence: None
    usage: TokenUsage


class TokenCount(TypedDict):
    """The answer of ``count_tokens``. Example: ``{"input_tokens": 3}``.

    Source: Anthropic API reference, Count Message tokens, read 2026-11-22.
    """

    input_tokens: int


class MessageStart(TypedDict):
    """The first event of a stream.

    Source for this and all other events: Anthropic API reference, Streaming Messages, and sdk-contract
    section 7, read 2026-11-22. Each has an ``event:`` line that repeats its type: the SDKs drop events
    without one.

    Example: ``{"type": "message_start", "message": {"id": "msg_01k...", "content": [], ...}}``
    """

    type: Literal["message_start"]
    message: MessageAnswer


class ContentBlockStart(TypedDict):
    """Example: ``{"type": "content_block_start", "index": 0, "content_block": {"type": "text", ...}}``."""

    type: Literal["content_block_start"]
    index: int
    content_block: TextBlock


class Ping(TypedDict):
    """Example: ``{"type": "ping"}``."""

    type: Literal["ping"]


class TextDelta(TypedDict):
    """Example: ``{"type": "text_delta", "text": "In progress: 42 %"}``."""

    type: Literal["text_delta"]
    text: str


class ContentBlockDelta(TypedDict):
    """Example: ``{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", ...}}``."""

    type: Literal["content_block_delta"]
    index: int
    delta: TextDelta


class ContentBlockStop(TypedDict):
    """Example: ``{"type": "content_block_stop", "index": 0}``."""

    type: Literal["content_block_stop"]
    index: int


class StopDelta(TypedDict):
    """Example: ``{"stop_reason": "end_turn", "stop_sequence": null}``."""

    stop_reason: Literal["end_turn"]
    stop_sequence: None


class OutputUsage(TypedDict):
    """Example: ``{"output_tokens": 20}``."""

    output_tokens: int


class MessageDelta(TypedDict):
    """Example: ``{"type": "message_delta", "delta": {...}, "usage": {"output_tokens": 20}}``."""

    type: Literal["message_delta"]
    delta: StopDelta
    usage: OutputUsage


class MessageStop(TypedDict):
    """The last event of a stream; nothing like ``[DONE]`` follows. Example: ``{"type": "message_stop"}``."""

    type: Literal["message_stop"]


MessageEvent = (
    MessageStart
    | ContentBlockStart
    | Ping
    | ContentBlockDelta
    | ContentBlockStop
    | MessageDelta
    | MessageStop
)


_MESSAGES: dict[str, Any] = {
    "model": {"type": "string", "description": "a name of `GET /v1/models`"},
    "messages": {
        "type": "array",
        "minItems": 1,
        "description": "the last user message is the prompt, its `image` blocks are references",
        "items": {"type": "object"},
    },
    "system": {"description": "accepted without effect"},
}

REQUEST: dict[str, Any] = {
    "title": "MessageRequest",
    "examples": [
        {
            "model": "sora_image",
            "max_tokens": 1024,
            "messages": [{"role": "user", "content": "画小猫"}],
            "stream": True,
        },
    ],
    "type": "object",
    "required": ["model", "messages"],
    "additionalProperties": True,
    "properties": {
        **_MESSAGES,
        "max_tokens": {"type": "integer", "description": "accepted without effect"},
        "stream": {"type": "boolean", "default": False},
        "n": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1},
        "size": {"type": "string"},
        "seconds": {"type": "string"},
    },
}
"""Fields of ``POST /v1/messages``; those of the Videos and Images API go too.

Source: Anthropic API reference, Create a Message, read 2026-11-22.
"""

COUNT_REQUEST: dict[str, Any] = {
    "title": "CountTokensRequest",
    "examples": [{"model": "sora_image", "messages": [{"role": "user", "content": "画小猫"}]}],
    "type": "object",
    "required": ["model", "messages"],
    "additionalProperties": True,
    "properties": _MESSAGES,
}
"""Fields of ``POST /v1/messages/count_tokens``.

Source: Anthropic API reference, Count Message tokens, read 2026-11-22.
"""
