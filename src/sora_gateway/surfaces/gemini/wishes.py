"""Turn Google's words for what to make into ours: refused is what cannot be done as asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.extension import EXTENSIONS_S
from sora_gateway.domain.media import Aspect, Blob, MediaKind
from sora_gateway.domain.model_names import TRAITS, Family, ModelName, parse_model_name
from sora_gateway.domain.parameters import (
    KNOWN,
    Policy,
    Resolved,
    merge_sources,
    resolve,
    resolve_image,
    resolve_video,
)
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.domain.values import listed, plain, show
from sora_gateway.surfaces.gemini.keys import camel, snaked

_OURS = KNOWN - {"model", "prompt"}
"""Our own parameters, taken beside Google's. The model stands in the path, the prompt has its own place."""

_THEIRS: Mapping[str, str] = {
    "sample_count": "n",
    "number_of_images": "n",
    "number_of_videos": "n",
    "candidate_count": "n",
    "duration_seconds": "seconds",
}
"""Google's words for parameters of ours."""

_BESIDE = frozenset({"aspect_ratio", "resolution", "image_size", "sample_image_size", "output_mime_type"})
"""Google's words that need the model to be understood."""

_RATIOS: Mapping[MediaKind, Mapping[str, Aspect]] = {
    MediaKind.IMAGE: {"1:1": Aspect.SQUARE, "3:2": Aspect.LANDSCAPE, "2:3": Aspect.PORTRAIT},
    MediaKind.VIDEO: {"16:9": Aspect.LANDSCAPE, "9:16": Aspect.PORTRAIT},
}
_RESOLUTIONS = {Family.VIDEO: "480p", Family.VIDEO2: "720p"}
_IMAGE_SIZE = "1K"
_ENCODINGS = {"image/png": "png", "image/jpeg": "jpeg", "image/webp": "webp"}
_VIDEO_TYPE = "video/mp4"

# What Google's requests hold beside: accepted and left alone, as it makes no picture another one.
WITHOUT_EFFECT = frozenset(
    {"contents", "instances", "parameters", "generation_config", "key", "system_instruction", "tools"}
    | {
        "tool_config",
        "safety_settings",
        "cached_content",
        "labels",
        "model",
        "prompt",
        "service_tier",
        "store",
    }
    | {"temperature", "top_p", "top_k", "max_output_tokens", "stop_sequences", "seed", "response_modalities"}
    | {"response_mime_type", "response_schema", "response_json_schema", "thinking_config", "speech_config"}
    | {"presence_penalty", "frequency_penalty", "response_logprobs", "logprobs", "media_resolution"}
    | {"negative_prompt", "person_generation", "generate_audio", "enhance_prompt", "guidance_scale", "fps"}
    | {"safety_setting", "include_rai_reason", "include_safety_attributes", "language", "add_watermark"}
    | {"storage_uri", "pubsub_topic", "compression_quality", "resize_mode", "allow_person", "alt", "task"}
    | {
        "audio_timestamp",
        "enable_enhanced_civic_answers",
        "model_selection_config",
        "edit_mode",
        "edit_config",
    }
)
_UNDERSTOOD = WITHOUT_EFFECT | _OURS | _THEIRS.keys() | _BESIDE | {"image_config", "output_options"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a request asks for: ``fields`` in our words, the rest in Google's.

    ``names`` says how the caller knows a field of ours, for messages.
    """

    fields: Mapping[str, Any]
    aspect_ratio: object = None
    resolution: object = None
    image_size: object = None
    media_type: object = None
    names: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


def wish_of(
    model: str,
    prompt: str | None,
    body: Mapping[str, Any],
    config: object,
    query: Mapping[str, Any],
    *,
    config_name: str = "generationConfig",
) -> Wish:
    """Return what a request asks for.

    Args:
        body: the request with its keys in snake case; our own parameters may stand in it.
        config: its ``generation_config`` or ``parameters``, likewise; ``config_name`` says which.
        query: the parameters of the URL.

    Raises:
        GatewayError(invalid_request): the config is no object, or two places contradict each other.
    """
    config = _object(config, config_name)
    image_config = _object(config.get("image_config", body.get("image_config")), "imageConfig")
    words = _OURS | _THEIRS.keys() | _BESIDE
    asked = _gathered({name: value for name, value in body.items() if name in words}, config, image_config)
    fields = {name: value for name, value in asked.items() if name in _OURS}
    names: dict[str, str] = {}
    for theirs, ours in _THEIRS.items():
        if theirs in asked:
            _put(fields, ours, asked[theirs], camel(theirs), names)
    merged = merge_sources(fields, {name: value for name, value in query.items() if name in _OURS})
    unknown = {*body, *config, *snaked(query)} - _UNDERSTOOD
    return Wish(
        fields={**merged, "model": model, "prompt": prompt},
        aspect_ratio=asked.get("aspect_ratio") or None,
        resolution=asked.get("resolution") or None,
        image_size=asked.get("image_size") or asked.get("sample_image_size") or None,
        media_type=_media_type(asked),
        names=names,
        ignored=tuple(sorted(unknown)),
    )


def _object(value: object, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _refused(name, f"'{name}' is {show(value)}; it must be an object.")
    return value


def _gathered(*places: Mapping[str, Any]) -> dict[str, Any]:
    """Return what several places of one request say, if they agree."""
    found: dict[str, Any] = {}
    for place in places:
        for name, value in place.items():
            if name in found and plain(found[name]) != plain(value):
                theirs = name if name in _OURS else camel(name)
                raise _refused(
                    theirs,
                    f"'{theirs}' is {show(found[name])} in one place and {show(value)} in another: "
                    "give it once, or the same in both.",
                )
            found[name] = value
    return found


def _put(fields: dict[str, Any], ours: str, value: object, theirs: str, names: dict[str, str]) -> None:
    before = fields.get(ours)
    if before is not None and plain(before) != plain(value):
        raise _refused(
            theirs,
            f"'{names.get(ours, ours)}' is {show(before)} and '{theirs}' is {show(value)}: "
            "they contradict each other, give one.",
        )
    fields[ours] = value
    names[ours] = theirs


def _media_type(asked: Mapping[str, Any]) -> object:
    for name in ("output_options", "image_output_options"):
        options = asked.get(name)
        if isinstance(options, dict) and options.get("mime_type"):
            return options["mime_type"]
    return asked.get("output_mime_type") or None


def resolve_wish(
    wish: Wish, kind: MediaKind | None, *, policy: Policy, inputs: tuple[Blob, ...] = ()
) -> Resolved:
    """Resolve what is asked for; ``kind`` None takes whatever the model makes.

    Raises:
        GatewayError(not_found): there is no such model (code ``model_not_found``).
        GatewayError: what ``domain.parameters`` raises, with the field named as the caller did.
    """
    try:
        fields = fields_of(wish, policy)
        resolved = _RESOLVERS[kind](fields, inputs=inputs, policy=policy)
        _check_resolution(wish, resolved.request)
        _check_image_size(wish, resolved.request)
    except GatewayError as error:
        raise in_their_words(error, wish) from error
    return replace(resolved, ignored=wish.ignored)


def extension_of(wish: Wish, policy: Policy) -> dict[str, Any]:
    """Return what an extension asks for in our words: the seconds are those that are added.

    Raises:
        GatewayError: as ``resolve_wish``, but for the seconds.
    """
    rest = {name: value for name, value in wish.fields.items() if name not in _LENGTHS}
    resolve_wish(replace(wish, fields=rest), MediaKind.VIDEO, policy=policy)
    fields = fields_of(wish, policy)
    has_length = any(fields.get(name) not in (None, "") for name in _LENGTHS)
    return fields if has_length else {**fields, "seconds": EXTENSIONS_S[0]}


_LENGTHS = ("seconds", "duration")


def fields_of(wish: Wish, policy: Policy) -> dict[str, Any]:
    """Return what is asked for in our words alone, as far as we have words for it.

    Raises:
        GatewayError(invalid_request): a shape or a format that the model does not make.
        GatewayError(model_not_found, invalid_model): see ``parse_model_name``.
    """
    model = parse_model_name(wish.fields["model"], policy.aliases)
    return _with_format(_with_size(wish, model), wish, model)


_RESOLVERS = {None: resolve, MediaKind.IMAGE: resolve_image, MediaKind.VIDEO: resolve_video}


def in_their_words(error: GatewayError, wish: Wish) -> GatewayError:
    """Return ``error`` with the field named as the caller did."""
    if error.kind is ErrorKind.MODEL_NOT_FOUND:
        code = ErrorKind.MODEL_NOT_FOUND.value
        return GatewayError(ErrorKind.NOT_FOUND, error.message, param="model", code=code)
    theirs = wish.names.get(error.param or "")
    if theirs is None:
        return error
    message = error.message.replace(f"'{error.param}'", f"'{theirs}'")
    return GatewayError(error.kind, message, param=theirs, code=error.code)


def _with_size(wish: Wish, model: ModelName) -> dict[str, Any]:
    fields = dict(wish.fields)
    if wish.aspect_ratio is None:
        return fields
    ratios = _RATIOS[model.kind]
    aspect = ratios.get(wish.aspect_ratio) if isinstance(wish.aspect_ratio, str) else None
    if aspect is None:
        raise _refused(
            "aspectRatio",
            f"'aspectRatio' is {show(wish.aspect_ratio)}; {model.family.value} makes {listed(ratios)}.",
        )
    if model.orientation not in (None, aspect):
        raise _refused(
            "aspectRatio",
            f"'aspectRatio' {show(wish.aspect_ratio)} is {aspect.value}, but the model {show(model.asked)} "
            f"says {model.orientation}: they contradict each other.",
        )
    size = TRAITS[model.family].sizes[aspect]
    if fields.get("size") not in (None, size):
        raise _refused(
            "aspectRatio",
            f"'aspectRatio' is {show(wish.aspect_ratio)} and 'size' is {show(fields['size'])}: give one.",
        )
    return {**fields, "size": size}


def _with_format(fields: dict[str, Any], wish: Wish, model: ModelName) -> dict[str, Any]:
    if wish.media_type is None or (wish.media_type == _VIDEO_TYPE and model.kind is MediaKind.VIDEO):
        return fields
    allowed = _ENCODINGS if model.kind is MediaKind.IMAGE else {}
    encoding = allowed.get(wish.media_type) if isinstance(wish.media_type, str) else None
    if encoding is None:
        possible = listed(allowed) or _VIDEO_TYPE
        raise _refused("mimeType", f"'mimeType' is {show(wish.media_type)}; allowed are {possible}.")
    return {**fields, "output_format": encoding}


def _check_resolution(wish: Wish, request: GenerationRequest) -> None:
    made = None if request.hd else _RESOLUTIONS.get(request.family)
    if wish.resolution is None or wish.resolution == made:
        return
    said = f"'resolution' is {show(wish.resolution)}"
    if request.hd:
        hint = f"HD videos have {request.size} pixels: leave it out."
    elif made is None:
        hint = f"{request.family.value} has no such parameter."
    else:
        hint = f"{request.family.value} makes {made}."
        if request.family is Family.VIDEO2:
            hint += " For HD (1024x1792 or 1792x1024) leave it out and give 'hd': true."
    raise _refused("resolution", f"{said}; {hint}")


def _check_image_size(wish: Wish, request: GenerationRequest) -> None:
    if wish.image_size is not None and wish.image_size != _IMAGE_SIZE:
        hint = f"{request.family.value} makes {_IMAGE_SIZE}."
        if request.kind is MediaKind.VIDEO:
            hint = f"{request.family.value} has no such parameter."
        raise _refused("imageSize", f"'imageSize' is {show(wish.image_size)}; {hint}")


def _refused(param: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
