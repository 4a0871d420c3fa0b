"""Read a conversation as a request for a picture or a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.parameters import merge_sources, resolve
from sora_gateway.surfaces.openai.intake import Draft
from sora_gateway.surfaces.openai.references import MAX_REFERENCES, Reference, without
from sora_gateway.surfaces.openai.values import flag
from sora_gateway.web.forms import Form

# What chat clients send for a language model, and what shapes the answer: nothing of it makes a picture.
_CONVERSATION = frozenset(
    {"messages", "prompt", "stream", "stream_options", "modalities", "temperature", "top_p", "top_k"}
    | {"max_tokens", "max_completion_tokens", "stop", "presence_penalty", "frequency_penalty", "logit_bias"}
    | {
        "logprobs",
        "top_logprobs",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "functions",
        "function_call",
    }
    | {"response_format", "seed", "user", "metadata", "store", "service_tier", "reasoning_effort", "audio"}
    | {"prediction", "verbosity", "web_search_options", "safety_identifier", "prompt_cache_key"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A conversation's last wish and how its answer shall look."""

    draft: Draft
    is_streamed: bool
    has_usage: bool
    wants_images: bool


def translate_chat(form: Form) -> Talk:
    """Return what the last user message asks for; other messages have no say.

    Raises:
        GatewayError(invalid_request): no such message, no text in it, or a part that is no picture.
    """
    fields = form.fields
    texts, references = _last_wish(fields.get("messages"))
    prompt = "\n".join(text for text in texts if text.strip())
    if not prompt:
        raise _refused("The last user message has no text: say what to make.")
    options = fields.get("stream_options")
    modalities = fields.get("modalities")
    rest = merge_sources(without(fields, _CONVERSATION), without(form.query, _CONVERSATION))
    return Talk(
        draft=Draft(fields={**rest, "prompt": prompt}, references=tuple(references), resolve=resolve),
        is_streamed=flag(fields, "stream"),
        has_usage=isinstance(options, dict) and flag(options, "include_usage"),
        wants_images=isinstance(modalities, list) and "image" in modalities,
    )


def _last_wish(messages: Any) -> tuple[list[str], list[Reference]]:
    if not isinstance(messages, list) or not messages:
        raise _refused("'messages' must be a list with at least one message.")
    turns = [turn for turn in messages if isinstance(turn, dict) and turn.get("role") == "user"]
    if not turns:
        raise _refused("'messages' has no message of the role 'user'.")
    content = turns[-1].get("content")
    if isinstance(content, str):
        return [content], []
    if not isinstance(content, list):
        raise _refused("The content of the last user message must be a text or a list of parts.")
    return _parts(content)


def _parts(parts: Sequence[Any]) -> tuple[list[str], list[Reference]]:
    texts: list[str] = []
    references: list[Reference] = []
    for part in parts:
        match part:
            case {"type": "text" | "input_text", "text": str(text)} | str(text):
                texts.append(text)
            case {"type": "image_url" | "input_image", "image_url": {"url": str(url)} | str(url)}:
                references.append(Reference(param="messages", source=url))
            case {"type": str(kind)}:
                raise _refused(
                    f"A part of the type '{kind[:40]}' cannot be used here, or is incomplete; "
                    'text and {"type": "image_url", "image_url": {"url": "..."}} can.'
                )
            case _:
                raise _refused("Each part of a message's content must be an object with a 'type'.")
    if len(references) > MAX_REFERENCES:
        raise _refused(f"{len(references)} pictures were sent; at most {MAX_REFERENCES} are allowed.")
    return texts, references


def _refused(message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param="messages")
