"""The messages of OpenAI's Responses API, as far as pictures and videos go through it."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

Status = Literal["queued", "in_progress", "completed", "failed", "cancelled"]


class InputDetails(TypedDict):
    """Nothing is cached here. Example: ``{"cached_tokens": 0, "cache_write_tokens": 0}``."""

    cached_tokens: int
    cache_write_tokens: int


class OutputDetails(TypedDict):
    """Example: ``{"reasoning_tokens": 0}``."""

    reasoning_tokens: int


class Usage(TypedDict):
    """Estimates; pictures are not counted. Example: ``{"input_tokens": 3, "output_tokens": 0, ...}``."""

    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails
    total_tokens: int


ResponseCode = Literal[
    "server_error", "rate_limit_exceeded", "invalid_prompt", "image_content_policy_violation"
]


class ResponseError(TypedDict):
    """Why there is no result; ``type`` is the code that every other route of this dialect gives.

    Source: openai-python 3.54 ``types/responses/response_error.py``, read 2026-11-22: ``code`` is one of a
    closed list there, ``type`` is "the original error type".

    Example: ``{"code": "server_error", "message": "The backend is overloaded.",
    "type": "upstream_overloaded"}``
    """

    code: ResponseCode
    message: str
    type: str


class ImageCall(TypedDict):
    """A picture: ``result`` is bare base64, null until it is made.

    Example: ``{"id": "ig_01k..._0", "type": "image_generation_call", "status": "completed",
    "result": "iVBORw0...", "revised_prompt": null, "size": "1024x1024", "output_format": "png"}``
    """

    id: str
    type: Literal["image_generation_call"]
    status: Literal["in_progress", "completed"]
    result: str | None
    revised_prompt: NotRequired[None]
    size: NotRequired[str]
    output_format: NotRequired[str]


class OutputText(TypedDict):
    """Example: ``{"type": "output_text", "text": "...", "annotations": [], "logprobs": []}``."""

    type: Literal["output_text"]
    text: str
    annotations: list[Any]
    logprobs: list[Any]


class OutputMessage(TypedDict):
    """What is said: the markdown of a video, or why one result of several is missing.

    Example: ``{"id": "msg_01k...", "type": "message", "role": "assistant", "status": "completed",
    "content": [{"type": "output_text", "text": "<video ...", "annotations": [], "logprobs": []}]}``
    """

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    status: Literal["in_progress", "completed"]
    content: list[OutputText]


OutputItem = ImageCall | OutputMessage


class ResponseObject(TypedDict):
    """A whole response. ``model`` is what made it, also where a language model was asked to use its tool.

    ``tools``, ``instructions``, ``metadata`` and ``previous_response_id`` are those of the request; a
    response that is retrieved later has none of them.

    Source: OpenAI API reference, Responses, and openai-python 3.54 ``types/responses``, read 2026-11-23.

    Example: ``{"id": "resp_01k...", "object": "response", "created_at": 1763812800, "status": "completed",
    "model": "sora_image", "output": [{"type": "image_generation_call", ...}], "error": null, ...}``
    """

    id: str
    object: Literal["response"]
    created_at: int
    completed_at: int | None
    status: Status
    background: bool
    error: ResponseError | None
    incomplete_details: None
    instructions: str | None
    metadata: dict[str, str]
    model: str
    output: list[OutputItem]
    parallel_tool_calls: bool
    previous_response_id: str | None
    service_tier: str
    tool_choice: Literal["auto"]
    tools: list[dict[str, Any]]
    usage: Usage | None


class LifecycleEvent(TypedDict):
    """A change of the whole. Example: ``{"type": "response.created", "response": {...}}``."""

    type: Literal["response.created", "response.in_progress", "response.completed", "response.failed"]
    response: ResponseObject


class ItemEvent(TypedDict):
    """An item begins or ends. Example: ``{"type": "response.output_item.done", "output_index": 0, ...}``."""

    type: Literal["response.output_item.added", "response.output_item.done"]
    output_index: int
    item: OutputItem


class ImageEvent(TypedDict):
    """How a picture goes. Example: ``{"type": "response.image_generation_call.generating", ...}``."""

    type: Literal[
        "response.image_generation_call.in_progress",
        "response.image_generation_call.generating",
        "response.image_generation_call.completed",
    ]
    output_index: int
    item_id: str


class PartEvent(TypedDict):
    """A text begins or ends. Example: ``{"type": "response.content_part.added", "part": {...}, ...}``."""

    type: Literal["response.content_part.added", "response.content_part.done"]
    item_id: str
    output_index: int
    content_index: int
    part: OutputText


class TextEvent(TypedDict):
    """A text; ``delta`` and ``text`` are the whole of it, in events of their own."""

    type: Literal["response.output_text.delta", "response.output_text.done"]
    item_id: str
    output_index: int
    content_index: int
    logprobs: list[Any]
    delta: NotRequired[str]
    text: NotRequired[str]


Event = LifecycleEvent | ItemEvent | ImageEvent | PartEvent | TextEvent
"""An event of a stream; ``sequence_number``, from 0, is added when it is sent.

Source: as ``ResponseObject``; the order of events is that of sdk-contract section 5.
"""


REQUEST: dict[str, Any] = {
    "title": "ResponseRequest",
    "examples": [
        {"model": "sora_image", "input": "画小猫"},
        {"model": "gpt-5", "input": "画小猫", "tools": [{"type": "image_generation", "size": "1536x1024"}]},
    ],
    "type": "object",
    "required": ["input"],
    "additionalProperties": True,
    "properties": {
        "model": {
            "type": "string",
            "description": "a name of `GET /v1/models`; gpt-5 and others with the tool `image_generation`",
        },
        "input": {
            "description": "the prompt, or items of which the last user message is the prompt and its "
            "`input_image` parts are references",
            "oneOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "minItems": 1, "items": {"type": "object"}},
            ],
        },
        "tools": {"type": "array", "items": {"type": "object"}},
        "background": {"type": "boolean", "default": False},
        "stream": {"type": "boolean", "default": False},
        "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
        "n": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1},
        "size": {"type": "string"},
        "seconds": {"type": "string"},
        "service_tier": {"type": "string", "enum": ["auto", "default", "flex", "priority"]},
    },
}
"""Fields of ``POST /v1/responses``; those of the Videos and Images API go too.

Source: OpenAI API reference, Create a model response, read 2026-11-23.
"""
