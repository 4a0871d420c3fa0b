"""Say in a conversation how the work goes and where the result is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sora_gateway.domain.errors import GatewayError
from sora_gateway.engine.generations import JobView
from sora_gateway.surfaces.anthropic.errors import render_error
from sora_gateway.surfaces.anthropic.messages.wire import MessageAnswer, MessageEvent, TokenCount
from sora_gateway.web.streaming import encode_event
from sora_gateway.web.telling import tell_progress
from sora_gateway.web.usage import text_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What an answer says of itself, whole or streamed."""

    id: str
    model: str
    prompt: str


def render_progress(view: JobView, position: int, count: int) -> str:
    """Return a line about how a job goes, nothing for one that has ended: its result speaks for itself."""
    return "" if view.job.is_final else tell_progress(view, position, count)


def render_count(prompt: str) -> TokenCount:
    """Return an estimate."""
    return {"input_tokens": text_tokens(prompt)}


def render_message(head: Head, text: str) -> MessageAnswer:
    """Return a whole answer."""
    return {
        **_message(head),
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": text_tokens(head.prompt), "output_tokens": text_tokens(text)},
    }


def _message(head: Head) -> MessageAnswer:
    return {
        "id": head.id,
        "type": "message",
        "role": "assistant",
        "model": head.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": text_tokens(head.prompt), "output_tokens": 0},
    }


def _event(event: MessageEvent) -> bytes:
    return encode_event(event, event=event["type"])


def render_start(head: Head) -> Sequence[bytes]:
    """Return the events that begin a stream and its one block of text."""
    return (
        _event({"type": "message_start", "message": _message(head)}),
        _event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        render_ping(),
    )


def render_ping() -> bytes:
    """Return the event that keeps a stream open."""
    return _event({"type": "ping"})


def render_text(text: str) -> bytes:
    """Return an event that continues the text."""
    return _event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})


def render_end(text: str) -> Sequence[bytes]:
    """Return the events that end a stream in which ``text`` was said."""
    return (
        _event({"type": "content_block_stop", "index": 0}),
        _event(
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"output_tokens": text_tokens(text)},
            }
        ),
        _event({"type": "message_stop"}),
    )


def render_failure(error: GatewayError) -> bytes:
    """Return the event that ends a stream which has failed."""
    return encode_event(render_error(error), event="error")
