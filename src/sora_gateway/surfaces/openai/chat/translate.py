"""Read a conversation as a request for a picture, a video, or a better prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.parameters import merge_sources, resolve
from sora_gateway.domain.text_models import TextModel, Wording, parse_text_model, resolve_text
from sora_gateway.domain.values import plain, show
from sora_gateway.surfaces.openai.chat.parts import PARAM, Wish, read_parts, texts_of
from sora_gateway.surfaces.openai.intake import Draft
from sora_gateway.surfaces.openai.references import without
from sora_gateway.surfaces.openai.values import flag
from sora_gateway.web.conversation import named_video
from sora_gateway.web.forms import Form

CLOSE, RETURN = "close_reasoning_content", "return_reasoning_content"
"""The fields that keep progress out of an answer, and that put it into an answer that is not streamed."""

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
    | {CLOSE, RETURN}
)


_NAMES = {"prompt": "the prompt in 'messages'", "input_reference": f"'{PARAM}'"}
_NAMES_WITH_CLIP = {**_NAMES, "character_url": "the video in 'messages'"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How the answer shall look.

    ``hides_progress`` keeps progress out of a stream, ``tells_progress`` puts it into a whole answer too.
    """

    is_streamed: bool = False
    has_usage: bool = False
    wants_images: bool = False
    hides_progress: bool = False
    tells_progress: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A conversation's last wish. ``said`` is what the assistant said before it, the newest first.

    ``said`` is empty where the wish brings what it starts from along. ``names`` says how the caller knows a
    field of ours, for errors.
    """

    draft: Draft
    said: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=lambda: _NAMES)

    def in_their_words(self, error: GatewayError) -> GatewayError:
        """Return ``error`` as one of what the caller sent: here prompt and pictures are in ``messages``."""
        known_as = self.names.get(error.param or "")
        if known_as is None:
            return error
        message = error.message.replace(f"'{error.param}'", known_as)
        return GatewayError(
            error.kind, message, param=PARAM, code=error.code, retry_after_s=error.retry_after_s
        )


def translate_shape(form: Form) -> Shape:
    """Return how the answer shall look.

    Raises:
        GatewayError(invalid_request): a value is no boolean, or two contradict each other.
    """
    fields = form.fields
    options = _typed(fields, "stream_options", dict, "an object")
    modalities = _typed(fields, "modalities", list, "a list of texts")
    hides, tells = _anywhere(form, CLOSE), _anywhere(form, RETURN)
    if hides and tells:
        message = f"'{CLOSE}' and '{RETURN}' are both true; they contradict each other, give one."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=CLOSE)
    return Shape(
        is_streamed=flag(fields, "stream"),
        has_usage=options is not None and flag(options, "include_usage"),
        wants_images=modalities is not None and "image" in modalities,
        hides_progress=hides,
        tells_progress=tells,
    )


def translate_chat(form: Form) -> Talk | Wording:
    """Return what the last user message asks for: a result, or of a text model a prompt.

    Other messages have no say, but what the assistant said may show what is to be changed.

    Raises:
        GatewayError(invalid_request): no such message, no text in it, a part that cannot be used, or two
            videos to start from.
        GatewayError(invalid_model): a text model that does not exist.
    """
    turns = _turns(form.fields.get("messages"))
    position = max((at for at, turn in enumerate(turns) if turn.get("role") == "user"), default=None)
    if position is None:
        raise _refused("'messages' has no message of the role 'user'.")
    wish = read_parts(turns[position].get("content"))
    prompt = "\n".join(text for text in wish.texts if text.strip())
    if not prompt:
        raise _refused("The last user message has no text: say what to make.")
    rest = merge_sources(without(form.fields, _CONVERSATION), without(form.query, _CONVERSATION))
    text_model = parse_text_model(rest.get("model"))
    if text_model is not None:
        return _wording(wish, {**rest, "prompt": prompt}, text_model)
    return _talk(wish, prompt, rest, turns[:position])


def _talk(wish: Wish, prompt: str, rest: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> Talk:
    start, prompt = named_video(prompt, param=PARAM)
    if start is not None and wish.start not in (None, start):
        raise _refused("The last user message names one video in its text and holds another; send one.")
    fields = {**rest, "prompt": prompt}
    if wish.clip is not None:
        if fields.get("character_url"):
            message = (
                "'character_url' and a video in 'messages' both say what to make a character of: send one."
            )
            raise GatewayError(ErrorKind.INVALID_REQUEST, message, param="character_url")
        fields["character_url"] = wish.clip
    start = start or wish.start
    draft = Draft(fields=fields, references=wish.pictures, resolve=resolve, start=start)
    brings = bool(wish.pictures) or start is not None
    said = [text for turn in reversed(before) for text in _said(turn)]
    names = _NAMES if wish.clip is None else _NAMES_WITH_CLIP
    return Talk(draft=draft, said=() if brings else tuple(said), names=names)


def _wording(wish: Wish, fields: Mapping[str, Any], model: TextModel) -> Wording:
    if wish.pictures or wish.clip is not None or wish.start is not None:
        raise _refused(f"The model {show(model.id)} reads text only; the last user message has more.")
    return resolve_text(fields, model)


def _turns(messages: Any) -> list[Mapping[str, Any]]:
    if not isinstance(messages, list) or not messages:
        raise _refused("'messages' must be a list with at least one message.")
    return [turn for turn in messages if isinstance(turn, dict)]


def _said(turn: Mapping[str, Any]) -> list[str]:
    if turn.get("role") != "assistant":
        return []
    return [text for name in ("content", "images") for text in texts_of(turn.get(name))]


def _typed(fields: Mapping[str, Any], name: str, kind: type, what: str) -> Any:
    value = fields.get(name)
    if value in (None, "") or isinstance(value, kind):
        return value or None
    message = f"'{name}' is {show(value)}; it must be {what}."
    raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=name)


def _anywhere(form: Form, name: str) -> bool:
    """Return a boolean of the body or the query."""
    given = [source for source in (form.fields, form.query) if source.get(name) not in (None, "")]
    if len({plain(source[name]) for source in given if isinstance(source[name], str | bool)}) > 1:
        message = f"'{name}' is given in the body and in the query, and they differ: give it once."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=name)
    return True in {flag(source, name) for source in given}


def _refused(message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=PARAM)
