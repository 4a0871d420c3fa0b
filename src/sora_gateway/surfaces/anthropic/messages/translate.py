"""Read a conversation as a request for a picture or a video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.parameters import merge_sources
from sora_gateway.domain.values import boolean, show
from sora_gateway.surfaces.anthropic.intake import Draft, FileId
from sora_gateway.web.conversation import named_video
from sora_gateway.web.forms import Form

MAX_PICTURES = 16

_PARAM = "messages"

# What is meant for a language model, and what shapes the answer: nothing of it makes a picture.
_CONVERSATION = frozenset(
    {
        "messages",
        "prompt",
        "system",
        "stream",
        "max_tokens",
        "stop_sequences",
        "temperature",
        "top_p",
        "top_k",
    }
    | {"tools", "tool_choice", "thinking", "metadata", "service_tier", "speed", "output_config", "betas"}
    | {"cache_control", "container", "context_management", "mcp_servers", "inference_geo", "diagnostics"}
    | {"compaction", "fallbacks", "fallback_credit_token", "billing_policy", "thread"}
    | {"user_profile_id", "workspace_id"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A conversation's last wish. ``ignored`` are the types of its blocks that mean nothing here."""

    draft: Draft
    prompt: str
    is_streamed: bool
    ignored: tuple[str, ...]


@dataclass(slots=True)
class _Wish:
    texts: list[str]
    pictures: list[FileId | str]
    ignored: list[str]


def translate_messages(form: Form) -> Talk:
    """Return what the last user message asks for; other messages and ``system`` have no say.

    What the assistant said before may show what is to be changed.

    Raises:
        GatewayError(invalid_request): no such message, no text in it, a picture that cannot be used, or two
            videos that are named.
    """
    messages: Any = form.fields.get("messages")
    wish = _last_wish(messages)
    prompt = "\n".join(text for text in wish.texts if text.strip())
    if not prompt:
        raise _refused("The last user message in 'messages' has no text: say what to make.")
    if len(wish.pictures) > MAX_PICTURES:
        raise _refused(
            f"The last user message has {len(wish.pictures)} pictures; at most {MAX_PICTURES} are allowed."
        )
    start, prompt = named_video(prompt, param=_PARAM)
    rest = merge_sources(_parameters(form.fields), _parameters(form.query))
    return Talk(
        draft=Draft(
            fields={**rest, "prompt": prompt},
            pictures=tuple(wish.pictures),
            param=_PARAM,
            start=start,
            said=() if wish.pictures or start is not None else tuple(_said(messages)),
        ),
        prompt=prompt,
        is_streamed=_is_streamed(form.fields.get("stream")),
        ignored=tuple(sorted(set(wish.ignored))),
    )


def _parameters(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that say what to make; ``output_format`` may also be a schema for structured text."""
    return {
        name: value
        for name, value in fields.items()
        if name not in _CONVERSATION and not (name == "output_format" and isinstance(value, Mapping))
    }


def _is_streamed(value: Any) -> bool:
    is_streamed = False if value in (None, "") else boolean(value)
    if is_streamed is None:
        message = f"'stream' is {show(value)}; true or false is allowed."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param="stream")
    return is_streamed


def _last_wish(messages: Any) -> _Wish:
    if not isinstance(messages, list) or not messages:
        raise _refused("'messages' must be a list with at least one message.")
    turns = [turn for turn in messages if isinstance(turn, dict) and turn.get("role") == "user"]
    if not turns:
        raise _refused("'messages' has no message of the role 'user'.")
    content = turns[-1].get("content")
    if isinstance(content, str):
        return _Wish([content], [], [])
    if not isinstance(content, list):
        raise _refused(
            "The content of the last user message in 'messages' must be a text or a list of blocks."
        )
    return _blocks(content)


def _said(messages: list[Any]) -> Iterator[str]:
    """Yield the assistant's texts before the last user message, the newest message first."""
    turns = [turn for turn in messages if isinstance(turn, dict)]
    last = max(at for at, turn in enumerate(turns) if turn.get("role") == "user")
    for turn in reversed(turns[:last]):
        content = turn.get("content") if turn.get("role") == "assistant" else None
        for block in content if isinstance(content, list) else [content]:
            match block:
                case {"type": "text", "text": str(text)} | str(text):
                    yield text
                case _:
                    pass


def _blocks(blocks: Sequence[Any]) -> _Wish:
    wish = _Wish([], [], [])
    for block in blocks:
        match block:
            case {"type": "text", "text": str(text)} | str(text):
                wish.texts.append(text)
            case {"type": "image"}:
                wish.pictures.append(_picture(block.get("source")))
            case {"type": "text"}:
                raise _refused("A block of the type 'text' in 'messages' needs a 'text'.")
            case {"type": str(kind)}:
                wish.ignored.append(kind[:40])
            case _:
                raise _refused("Each block of a message's content must be an object with a 'type'.")
    return wish


def _picture(source: Any) -> FileId | str:
    match source:
        case {"type": "base64", "data": str(data)}:
            # The media type counts for nothing: the content decides.
            return data if data.lstrip()[:5].lower() == "data:" else f"data:;base64,{data}"
        case {"type": "url", "url": str(url)}:
            return url
        case {"type": "file", "file_id": str(file_id)} if file_id:
            return FileId(file_id)
        case _:
            raise _refused(
                "The source of an image in 'messages' cannot be used, or is incomplete; "
                '{"type": "base64", "media_type": "image/png", "data": "..."}, '
                '{"type": "url", "url": "..."} and {"type": "file", "file_id": "..."} can.'
            )


def _refused(message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=_PARAM)
