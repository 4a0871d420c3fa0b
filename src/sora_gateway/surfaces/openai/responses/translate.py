"""Read a request for a response as a request for a picture or a video."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Blob, MediaKind
from sora_gateway.domain.model_names import DEFAULT_MODELS, Alias, parse_model_name
from sora_gateway.domain.parameters import DEFAULT_POLICY, Policy, Resolved, merge_sources, resolve
from sora_gateway.domain.values import plain, show, whole
from sora_gateway.surfaces.openai.intake import Draft
from sora_gateway.surfaces.openai.references import Reference, references, without
from sora_gateway.surfaces.openai.values import flag
from sora_gateway.web.forms import Form
from sora_gateway.web.pictures import ENCODINGS

_TOOL = "image_generation"

# What is meant for a language model, and what shapes the answer: nothing of it makes a picture.
_CONVERSATION = frozenset(
    {"input", "prompt", "instructions", "stream", "stream_options", "background", "store", "metadata"}
    | {"previous_response_id", "conversation", "context_management", "truncation", "include", "text"}
    | {"tools", "tool_choice", "parallel_tool_calls", "max_tool_calls", "reasoning", "verbosity"}
    | {"temperature", "top_p", "top_k", "top_logprobs", "max_output_tokens", "seed", "service_tier", "user"}
    | {"safety_identifier", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"}
    | {"moderation", "access_programs", "partial_images", "response_format"}
)
# Of the tool: what only says how to call it, and what is accepted without effect as on images.
_CALLING = frozenset({"type", "model", "action", "partial_images", "input_image_mask"})

_LANGUAGE_MODEL = re.compile(r"(?:openai/)?(?:gpt|chatgpt|codex|o\d)(?![a-z])")
_ID = re.compile(rf"resp_(?P<tail>[0-9a-z]{{26}})(?P<encoding>{'|'.join(ENCODINGS)})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is wanted, how the answer shall come, and what of the request it repeats."""

    draft: Draft
    is_streamed: bool
    is_background: bool
    tools: tuple[Mapping[str, Any], ...]
    instructions: str | None
    metadata: Mapping[str, str]
    previous_response_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a response's id says: the first of its jobs, by one of ``job_ids``, and the pictures' format."""

    job_ids: tuple[str, ...]
    encoding: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """How a response is looked at; of a stream only events after the number ``after`` are sent."""

    is_streamed: bool
    after: int


def translate_create(form: Form) -> Asked:
    """Return what the last user message asks for; other messages and ``instructions`` have no say.

    Raises:
        GatewayError(invalid_request): no such message, no text in it, a part that is no picture, or a field
            that shapes the answer is wrong.
    """
    fields = form.fields
    texts, pictures = _last_wish(fields.get("input"))
    prompt = "\n".join(text for text in texts if text.strip())
    if not prompt:
        raise _refused("input", "'input' has no text in its last user message: say what to make.")
    tool = _tool(fields.get("tools"))
    rest = merge_sources(without(fields, _CONVERSATION), without(form.query, _CONVERSATION))
    return Asked(
        draft=Draft(
            fields={**rest, "prompt": prompt},
            references=pictures,
            resolve=resolve if tool is None else partial(resolve_with_tool, tool=tool),
        ),
        is_streamed=flag(fields, "stream"),
        is_background=flag(fields, "background"),
        tools=() if tool is None else (tool,),
        instructions=_text(fields.get("instructions")),
        metadata=_metadata(fields.get("metadata")),
        previous_response_id=_text(fields.get("previous_response_id")),
    )


def translate_id(response_id: str) -> Named:
    """Return what a response's id names.

    Raises:
        GatewayError(not_found): no response has such an id.
    """
    match = _ID.fullmatch(response_id)
    if match is None:
        raise unknown(response_id)
    kinds = (MediaKind.VIDEO, MediaKind.IMAGE)
    return Named(job_ids=tuple(f"{kind.value}_{match['tail']}" for kind in kinds), encoding=match["encoding"])


def translate_watching(query: Mapping[str, Any]) -> Watching:
    """Return how to look at a response.

    Raises:
        GatewayError(invalid_request): ``stream`` is no boolean, ``starting_after`` no number.
    """
    after = whole(query.get("starting_after") or -1)
    if after is None:
        message = f"'starting_after' is {show(query['starting_after'])}; the number of an event is allowed."
        raise _refused("starting_after", message)
    return Watching(is_streamed=flag(query, "stream"), after=after)


def unknown(response_id: str) -> GatewayError:
    """Return the error for an id that names no response of the caller's."""
    message = f"No response with id '{response_id[:80]}' exists."
    return GatewayError(ErrorKind.NOT_FOUND, message, param="response_id")


def resolve_with_tool(
    fields: Mapping[str, Any],
    *,
    tool: Mapping[str, Any],
    inputs: tuple[Blob, ...] = (),
    policy: Policy = DEFAULT_POLICY,
) -> Resolved:
    """Resolve a request whose model may use ``tool``: a language model does, a video model has no need to.

    Raises:
        GatewayError: as ``resolve``.
        GatewayError(invalid_request): the tool contradicts the request.
    """
    model = _served(fields.get("model"), tool, policy.aliases)
    given = {**fields, "model": model}
    if isinstance(model, str) and parse_model_name(model, policy.aliases).kind is MediaKind.IMAGE:
        given = _merged(given, tool)
    return resolve(given, inputs=inputs, policy=policy)


def _served(asked: Any, tool: Mapping[str, Any], aliases: Mapping[str, Alias]) -> Any:
    """Return the model that makes it: the one asked for, the tool's, or the default of images."""
    if asked is not None and (_is_known(asked, aliases) or not _is_language_model(asked)):
        return asked
    own = tool.get("model")
    return own if _is_known(own, aliases) else DEFAULT_MODELS[MediaKind.IMAGE]


def _is_language_model(name: Any) -> bool:
    return isinstance(name, str) and _LANGUAGE_MODEL.match(name.strip().lower()) is not None


def _is_known(name: Any, aliases: Mapping[str, Alias]) -> bool:
    if not isinstance(name, str):
        return False
    try:
        parse_model_name(name, aliases)
    except GatewayError as error:
        return error.kind is not ErrorKind.MODEL_NOT_FOUND
    return True


def _merged(fields: Mapping[str, Any], tool: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(fields)
    for name, value in tool.items():
        if name in _CALLING or value is None:
            continue
        present = merged.get(name)
        if present is not None and plain(present) != plain(value):
            raise _refused(
                name,
                f"'{name}' is {show(present)} in the request and {show(value)} in its tool: "
                "give it once, or the same in both.",
            )
        merged[name] = value
    return merged


def _tool(tools: Any) -> Mapping[str, Any] | None:
    match tools:
        case None:
            return None
        case list() if all(isinstance(tool, dict) for tool in tools):
            return next((tool for tool in tools if tool.get("type") == _TOOL), None)
        case _:
            raise _refused("tools", f"'tools' is {show(tools)}; a list of objects is allowed.")


def _metadata(value: Any) -> Mapping[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise _refused("metadata", f"'metadata' is {show(value)}; an object of texts is allowed.")
    return value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _last_wish(given: Any) -> tuple[list[str], tuple[Reference, ...]]:
    if isinstance(given, str):
        return [given], ()
    if not isinstance(given, list) or not given:
        raise _refused("input", "'input' must be a text, or a list with at least one message.")
    turns = [item for item in given if isinstance(item, dict) and item.get("role") == "user"]
    if not turns:
        raise _refused("input", "'input' has no message of the role 'user'.")
    content = turns[-1].get("content")
    if isinstance(content, str):
        return [content], ()
    if not isinstance(content, list):
        raise _refused("input", "The content of the last user message must be a text or a list of parts.")
    return _parts(content)


def _parts(parts: Sequence[Any]) -> tuple[list[str], tuple[Reference, ...]]:
    texts: list[str] = []
    pictures: list[object] = []
    for part in parts:
        match part:
            case {"type": "input_text" | "text", "text": str(text)} | str(text):
                texts.append(text)
            case {"type": "input_image" | "image_url", "image_url": {"url": str(url)} | str(url)} if url:
                pictures.append(url)
            case {"type": "input_file", "file_data": str(url)} | {
                "type": "input_file",
                "file_url": str(url),
            } if url:
                pictures.append(url)  # the content decides whether it is a picture
            case {"type": "input_image" | "input_file", "file_id": str(file_id)}:
                pictures.append({"file_id": file_id})
            case {"type": str(kind)}:
                raise _refused(
                    "input",
                    f"A part of the type '{kind[:40]}' cannot be used here, or is incomplete; "
                    '{"type": "input_text", "text": "..."} and '
                    '{"type": "input_image", "image_url": "..."} can.',
                )
            case _:
                raise _refused("input", "Each part of a message's content must be an object with a 'type'.")
    return texts, references(Form(fields={"input": pictures}), ("input",))


def _refused(param: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
