"""Say in a conversation how the work goes and where the result is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sora_gateway.surfaces.openai.chat.wire import (
    ChatChunk,
    ChatCompletion,
    Delta,
    ImagePart,
    Message,
    Usage,
)
from sora_gateway.web.streaming import encode_event
from sora_gateway.web.usage import text_tokens

DONE = b"data: [DONE]\n\n"
"""Exactly this: Node's SDK fails on a trailing blank, and other clients wait for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What all chunks of an answer share. ``service_tier``: the class of its jobs, None without any."""

    id: str
    created: int
    model: str
    prompt: str
    has_usage: bool = False
    service_tier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said in the end: text, and pictures for those who asked for them in this form.

    ``reasoning`` is what was said meanwhile, for an answer that is not streamed.
    """

    text: str = ""
    reasoning: str = ""
    images: tuple[ImagePart, ...] = ()


def render_picture(data_url: str, index: int) -> ImagePart:
    """Return a picture in OpenRouter's manner."""
    return {"type": "image_url", "image_url": {"url": data_url}, "index": index}


def render_usage(prompt: str, answer: Answer) -> Usage:
    """Return estimates."""
    asked, said = text_tokens(prompt), text_tokens(answer.text)
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def render_completion(head: Head, answer: Answer) -> ChatCompletion:
    """Return a whole answer."""
    message: Message = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.images:
        message["images"] = list(answer.images)
    completion: ChatCompletion = {
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": render_usage(head.prompt, answer),
    }
    if head.service_tier is not None:
        completion["service_tier"] = head.service_tier
    return completion


def _chunk(head: Head) -> ChatChunk:
    chunk: ChatChunk = {
        "id": head.id,
        "object": "chat.completion.chunk",
        "created": head.created,
        "model": head.model,
        "choices": [],
    }
    if head.service_tier is not None:
        chunk["service_tier"] = head.service_tier
    if head.has_usage:
        chunk["usage"] = None
    return chunk


def render_delta(head: Head, delta: Delta, *, is_last: bool = False) -> bytes:
    """Return one chunk of a stream."""
    chunk = _chunk(head)
    reason = "stop" if is_last else None
    chunk["choices"] = [
        {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}  # type: ignore[typeddict-item]
    ]
    return encode_event(chunk)


def render_start(head: Head) -> bytes:
    """Return the chunk that begins a stream."""
    return render_delta(head, {"role": "assistant", "content": ""})


def render_end(head: Head, answer: Answer) -> Sequence[bytes]:
    """Return the chunks that say the result and end the stream."""
    chunks = []
    if answer.text:
        chunks.append(render_delta(head, {"content": answer.text}))
    if answer.images:
        chunks.append(render_delta(head, {"images": list(answer.images)}))
    chunks.append(render_delta(head, {}, is_last=True))
    if head.has_usage:
        chunk = _chunk(head)
        chunk["usage"] = render_usage(head.prompt, answer)
        chunks.append(encode_event(chunk))
    return [*chunks, DONE]
