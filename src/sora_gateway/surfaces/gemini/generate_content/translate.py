"""Read a conversation, or a prediction, as a request for pictures or a video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.values import show
from sora_gateway.surfaces.gemini.instances import read_instance
from sora_gateway.surfaces.gemini.intake import Draft
from sora_gateway.surfaces.gemini.keys import snaked
from sora_gateway.surfaces.gemini.references import Reference, limited, reference_of
from sora_gateway.surfaces.gemini.wishes import wish_of
from sora_gateway.web.conversation import named_video
from sora_gateway.web.forms import Form

_SSE = "sse"


def translate_content(form: Form, model: str) -> Draft:
    """Return what the last turn of the user asks for; other turns have no say.

    What the model said before may show what is to be changed.

    Raises:
        GatewayError(invalid_request): no such turn, no text in it, a part that is no picture, or two videos
            that are named.
    """
    body = snaked(form.fields)
    before, last = _turned(body.get("contents"))
    texts, references = _read(_parts(last))
    prompt = "\n".join(text for text in texts if text.strip())
    if not prompt:
        raise _refused("The last turn of the user has no text: say what to make.")
    start, prompt = named_video(prompt, param="contents")
    return Draft(
        wish=wish_of(model, prompt, body, body.get("generation_config"), form.query),
        references=limited(references, "contents"),
        start=start,
        said=() if references or start is not None else tuple(_said(before)),
    )


def translate_prediction(form: Form, model: str) -> Draft:
    """Return what a prediction of pictures asks for, see ``read_instance``."""
    instance = read_instance(form, model)
    if instance.start is not None:
        message = "'video' is given, but this route makes pictures: :predictLongRunning carries videos on."
        raise GatewayError(ErrorKind.UNSUPPORTED, message, param="video")
    return Draft(wish=instance.wish, references=instance.references, kind=MediaKind.IMAGE)


def translate_counting(form: Form) -> str:
    """Return the text whose tokens are to be counted, of all turns.

    Raises:
        GatewayError(invalid_request): there are no contents, or no turns in them.
    """
    body = snaked(form.fields)
    inner = body.get("generate_content_request")
    contents = (inner if isinstance(inner, dict) else body).get("contents")
    parts = [part for turn in _turns(contents) for part in _parts(turn)]
    return "\n".join(part["text"] for part in parts if isinstance(part.get("text"), str))


def is_sse(query: Mapping[str, Any]) -> bool:
    """Tell whether a stream shall come as events; else it is a JSON array."""
    return query.get("alt") == _SSE


def _turns(contents: object) -> list[dict[str, Any]]:
    match contents:
        case str(text) if text:
            return [{"parts": [{"text": text}]}]
        case dict():
            return [contents]
        case list() if contents and all(isinstance(turn, dict) for turn in contents):
            return contents
        case _:
            raise _refused('\'contents\' must be a list of turns, like [{"parts": [{"text": "..."}]}].')


def _turned(contents: object) -> tuple[Sequence[dict[str, Any]], dict[str, Any]]:
    """Return the turns before the user's last one, and that one."""
    turns = _turns(contents)
    last = max((at for at, turn in enumerate(turns) if turn.get("role", "user") == "user"), default=None)
    if last is None:
        raise _refused("'contents' has no turn of the role 'user'.")
    return turns[:last], turns[last]


def _said(turns: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the model's texts, and its pictures as data URLs, the newest turn first."""
    for turn in reversed(turns):
        parts = turn.get("parts") if turn.get("role") == "model" else None
        for part in parts if isinstance(parts, list) else [parts]:
            match part:
                case {"text": str(text)}:
                    yield text
                case {"inline_data": {"mime_type": str(media_type), "data": str(data)}}:
                    yield f"data:{media_type};base64,{data}"
                case _:
                    pass


def _parts(turn: Mapping[str, Any]) -> list[dict[str, Any]]:
    parts = turn.get("parts", [])
    parts = [parts] if isinstance(parts, dict | str) else parts
    if not isinstance(parts, list):
        raise _refused(f"The 'parts' of a turn are {show(parts)}; they must be a list.")
    return list(_each(parts))


def _each(parts: list[Any]) -> Iterator[dict[str, Any]]:
    for part in parts:
        if isinstance(part, str):
            yield {"text": part}
        elif isinstance(part, dict):
            yield part
        else:
            raise _refused("Each part of a turn must be an object.")


def _read(parts: Sequence[dict[str, Any]]) -> tuple[list[str], list[Reference]]:
    texts: list[str] = []
    references: list[Reference] = []
    for part in parts:
        match part:
            case {"text": str(text)}:
                texts.append(text)
            case {"inline_data": _} | {"file_data": _}:
                references.append(reference_of(part, "contents"))
            case _:
                raise _refused(
                    f"A part with {show(', '.join(part) or 'nothing')} cannot be used here; "
                    "'text', 'inlineData' and 'fileData' can."
                )
    return texts, references


def _refused(message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param="contents")
