"""Turn the fields of a request, from whatever route, into a ``GenerationRequest``.

Nothing is dropped or clamped: what cannot be done is refused with the field's name, its value and what is
allowed; what is adapted stands in ``asked``. Values come as JSON, form or query gave them: numbers also as
text, booleans also as ``"true"`` and ``"false"`` in any case (``0`` and ``1`` are refused), None is absent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Aspect, Blob, MediaKind
from sora_gateway.domain.model_names import (
    DEFAULT_ALIASES,
    DEFAULT_MODELS,
    OPENAI_DURATIONS_S,
    RESPONSE_FORMATS,
    STYLES,
    TRAITS,
    Alias,
    Family,
    ModelName,
    format_model_name,
    needed_plan,
    parse_model_name,
)
from sora_gateway.domain.prices import DEFAULT_PRICES, Prices
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.domain.storyboard import parse_storyboard
from sora_gateway.domain.values import boolean, listed, plain, show, whole

MAX_PROMPT_CHARS = 32_000
MAX_N = 4
OUTPUT_FORMATS = ("png", "jpeg", "webp")
IMAGE_STYLES = ("vivid", "natural")

WITHOUT_EFFECT = frozenset(
    {"quality", "background", "moderation", "output_compression", "user", "safety_identifier", "complexity"}
    | {"frame_count", "frame_duration_ms", "svg", "input_fidelity", "mask", "markup"}
)
"""OpenAI's own fields of images: accepted and left alone."""

DEFAULTS: Mapping[str, object] = {
    "watermark": False,
    "duration": 10,
    "seconds": 10,
    "hd": False,
    "private": False,
    "style": None,
    "storyboard": False,
    "character_url": None,
    "character_timestamps": "0,3",
    "character_from_task": None,
    "character_create": False,
    "characters": None,
    "remix_target_id": None,
    "output_format": None,
    "response_format": RESPONSE_FORMATS[0],
}
"""The fields that not every model has, with the value that is accepted everywhere (None: none is)."""

_WEBHOOK = ("webhook_url", "webhook_secret")
KNOWN = frozenset({"model", "prompt", "n", "size", "dry_run", "service_tier", *_WEBHOOK, *DEFAULTS})
"""Every field that ``resolve`` reads; a surface passes these on, from the body and from the query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the operator decides. ``relax_25s``: 25 s run on any paid plan, not only on Pro."""

    relax_25s: bool = False
    aliases: Mapping[str, Alias] = field(default_factory=lambda: DEFAULT_ALIASES)
    prices: Prices = DEFAULT_PRICES


DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A request and how many variants of it are wanted.

    ``output_format`` is the encoding an image was asked in, None: as it is. ``ignored`` are the names of
    unknown fields, for the log.
    """

    request: GenerationRequest
    n: int
    output_format: str | None = None
    ignored: tuple[str, ...] = ()

    @property
    def requests(self) -> tuple[GenerationRequest, ...]:
        """The jobs to submit: one for all images, one for each variant of a video."""
        return (self.request,) if self.request.kind is MediaKind.IMAGE else (self.request,) * self.n


def merge_sources(body: Mapping[str, object], query: Mapping[str, object]) -> dict[str, object]:
    """Return the body's fields with the known ones of the query added; None counts as absent.

    Raises:
        GatewayError(invalid_request): one field has different values in both.
    """
    merged = dict(body)
    for name, value in query.items():
        if name not in KNOWN or value is None:
            continue
        present = merged.get(name)
        if present is None:
            merged[name] = value
        elif plain(present) != plain(value):
            raise _refused(
                name,
                f"'{name}' is {show(present)} in the body and {show(value)} in the query: "
                "give it once, or the same in both.",
            )
    return merged


def resolve_video(
    fields: Mapping[str, object], *, inputs: tuple[Blob, ...] = (), policy: Policy = DEFAULT_POLICY
) -> Resolved:
    """Resolve a request of a video route; without ``model`` it is OpenAI's ``sora-2``.

    Raises:
        GatewayError(invalid_model): the model makes no videos. Else as ``resolve``.
    """
    return _resolve_kind(fields, MediaKind.VIDEO, inputs, policy)


def resolve_image(
    fields: Mapping[str, object], *, inputs: tuple[Blob, ...] = (), policy: Policy = DEFAULT_POLICY
) -> Resolved:
    """Resolve a request of an image route; without ``model`` it is ``sora_image``.

    Raises:
        GatewayError(invalid_model): the model makes no images. Else as ``resolve``.
    """
    return _resolve_kind(fields, MediaKind.IMAGE, inputs, policy)


def resolve(
    fields: Mapping[str, object], *, inputs: tuple[Blob, ...] = (), policy: Policy = DEFAULT_POLICY
) -> Resolved:
    """Resolve a request of a route that makes whatever ``model`` makes.

    Raises:
        GatewayError(invalid_request): a value is not allowed, or two contradict each other.
        GatewayError(invalid_model, model_not_found): see ``parse_model_name``.
    """
    given = _given(fields)
    model = _model(given, policy)
    return _resolve(given, model, inputs, policy)


def resolve_remix(
    fields: Mapping[str, object],
    base: GenerationRequest,
    *,
    inputs: tuple[Blob, ...] = (),
    policy: Policy = DEFAULT_POLICY,
) -> Resolved:
    """Resolve a change of the video that ``base`` made: what is not said stays as it was there.

    Raises:
        GatewayError(invalid_model): the model is not of the family that remixes. Else as ``resolve``.
    """
    given = _given(fields)
    model = _model(given, policy) if "model" in given else _model_of(base, given, policy)
    if model.family is not Family.VIDEO2:
        raise GatewayError(
            ErrorKind.INVALID_MODEL,
            f"The model {show(model.asked)} cannot change a video; {Family.VIDEO2.value} can.",
            param="model",
        )
    if model.orientation is None and "size" not in given:
        model = replace(model, orientation=base.aspect)
    is_open = model.duration_s is None and not {"duration", "seconds"} & given.keys()
    is_hd = model.hd or boolean(given.get("hd")) is True
    if is_open and base.duration_s is not None and not (is_hd and base.duration_s == _LONGEST_S):
        model = replace(model, duration_s=base.duration_s)
    resolved = _resolve(given, model, inputs, policy)
    if resolved.request.storyboard:
        message = "A storyboard cannot change a video: describe the whole video in the prompt."
        raise GatewayError(ErrorKind.UNSUPPORTED, message, param="storyboard")
    return resolved


def _model_of(base: GenerationRequest, given: Mapping[str, object], policy: Policy) -> ModelName:
    """Return the model of ``base`` without what may be asked anew; OpenAI's names stay as they are."""
    keeps_hd = base.hd and boolean(given.get("hd")) is not False
    plain_name = ModelName(family=base.family, hd=keeps_hd, pro=base.pro)
    try:
        is_openai = parse_model_name(base.model, policy.aliases).is_openai_alias
    except GatewayError:  # an alias that is no more
        is_openai = False
    name = base.model if is_openai else format_model_name(plain_name)
    return replace(plain_name, asked=name, is_openai_alias=is_openai)


def _resolve_kind(
    fields: Mapping[str, object], kind: MediaKind, inputs: tuple[Blob, ...], policy: Policy
) -> Resolved:
    given = _given(fields)
    given.setdefault("model", DEFAULT_MODELS[kind])
    model = _model(given, policy)
    if model.kind is not kind:
        fitting = ", ".join(family.value for family, traits in TRAITS.items() if traits.kind is kind)
        raise GatewayError(
            ErrorKind.INVALID_MODEL,
            f"The model {show(model.asked)} makes {model.kind.value}s, not {kind.value}s. "
            f"This route takes {fitting} and their aliases.",
            param="model",
        )
    return _resolve(given, model, inputs, policy)


def _resolve(
    given: Mapping[str, object], model: ModelName, inputs: tuple[Blob, ...], policy: Policy
) -> Resolved:
    traits = TRAITS[model.family]
    prompt = _prompt(given)
    n = _n(given)
    _refuse_lacking(given, model)
    _check_inputs(inputs, model)
    asked: dict[str, str] = {}
    aspect = _aspect(given, model, asked)
    duration_s = _duration_s(given, model, asked) if traits.durations_s else None
    hd = _flag(given, "hd", model.hd) if model.family is Family.VIDEO2 else False
    storyboard = _flag(given, "storyboard", model.storyboard) if model.family is Family.VIDEO2 else False
    pro = model.pro or hd
    if hd and duration_s == _LONGEST_S:
        raise _hd_too_long(given, model)
    if storyboard and duration_s is not None:
        parse_storyboard(prompt, duration_s)
    request = GenerationRequest(
        kind=model.kind,
        family=model.family,
        model=model.asked,
        prompt=prompt,
        aspect=aspect,
        n=n if model.kind is MediaKind.IMAGE else 1,
        duration_s=duration_s,
        hd=hd,
        pro=pro,
        storyboard=storyboard,
        watermark=_flag(given, "watermark", None),
        private=_flag(given, "private", None),
        style=_style(given, model, asked),
        groups=model.groups,
        plan=needed_plan(pro=pro, duration_s=duration_s, relax_25s=policy.relax_25s),
        inputs=inputs,
        asked=asked,
    )
    request = _with_size_asked(request, given)
    return Resolved(
        request=request,
        n=n,
        output_format=_output_format(given, model),
        ignored=_ignored(given, model),
    )


_LONGEST_S = 25


def _given(fields: Mapping[str, object]) -> dict[str, object]:
    """Leave out what says nothing: forms send empty fields. An empty prompt or model is a mistake, though."""
    return {
        name: value
        for name, value in fields.items()
        if value is not None and (value != "" or name in ("prompt", "model"))
    }


# --- one field each ---------------------------------------------------------------------------------------


def _model(given: Mapping[str, object], policy: Policy) -> ModelName:
    text = given.get("model")
    if not isinstance(text, str):
        what = "is missing" if text is None else f"must be text, not {show(text)}"
        raise _refused("model", f"'model' {what}: name one, for example sora_video2 or sora_image.")
    return parse_model_name(text, policy.aliases)


def _prompt(given: Mapping[str, object]) -> str:
    prompt = given.get("prompt")
    if prompt is None:
        raise _refused("prompt", "'prompt' is missing: say what to make.")
    if not isinstance(prompt, str):
        raise _refused("prompt", f"'prompt' must be text, not {show(prompt)}.")
    if not prompt.strip():
        raise _refused("prompt", "'prompt' is empty: say what to make.")
    if len(prompt) > MAX_PROMPT_CHARS:
        raise _refused(
            "prompt", f"'prompt' has {len(prompt)} characters; at most {MAX_PROMPT_CHARS} are allowed."
        )
    if _SURROGATE.search(prompt):
        raise _refused("prompt", "'prompt' has half of a surrogate pair, which is no character.")
    return prompt


_SURROGATE = re.compile("[\ud800-\udfff]")


def _n(given: Mapping[str, object]) -> int:
    if "n" not in given:
        return 1
    n = whole(given["n"])
    if n is None or not 1 <= n <= MAX_N:
        raise _refused("n", f"'n' is {show(given['n'])}; 1 to {MAX_N} are allowed.")
    return n


_SIZE = re.compile(r"\s*(\d{1,6})\s*[xX]\s*(\d{1,6})\s*", re.ASCII)


def _aspect(given: Mapping[str, object], model: ModelName, asked: dict[str, str]) -> Aspect:
    traits = TRAITS[model.family]
    size = given.get("size")
    is_image = model.kind is MediaKind.IMAGE
    if size is None or (is_image and size == "auto"):
        return model.orientation or traits.default_aspect
    match = _SIZE.fullmatch(size) if isinstance(size, str) else None
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if not width or not height:
        others = " or auto" if is_image else ""
        usual = ", ".join(traits.sizes.values())
        raise _refused("size", f"'size' is {show(size)}; write WIDTHxHEIGHT in pixels{others}: {usual}.")
    aspect = _aspect_of(width, height)
    if aspect not in traits.sizes:
        usual = " or ".join(traits.sizes.values())
        raise _refused("size", f"'size' is {show(size)}, but a video cannot be square: write {usual}.")
    if model.orientation not in (None, aspect):
        raise _refused(
            "size",
            f"'size' {show(size)} is {aspect.value}, but the model {show(model.asked)} says "
            f"{model.orientation}: they contradict each other.",
        )
    return aspect


def _aspect_of(width: int, height: int) -> Aspect:
    if width == height:
        return Aspect.SQUARE
    return Aspect.LANDSCAPE if width > height else Aspect.PORTRAIT


def _with_size_asked(request: GenerationRequest, given: Mapping[str, object]) -> GenerationRequest:
    size = given.get("size")
    if size is None or size == "auto" or size == request.size:
        return request
    return replace(request, asked={**request.asked, "size": str(size)})


def _duration_s(given: Mapping[str, object], model: ModelName, asked: dict[str, str]) -> int:
    traits = TRAITS[model.family]
    values = {name: _served_s(given[name], name, model) for name in ("duration", "seconds") if name in given}
    if len({whole(given[name]) for name in values}) > 1:
        raise _refused(
            "duration",
            f"'duration' is {show(given['duration'])} and 'seconds' is {show(given['seconds'])}: "
            "they contradict each other, give one.",
        )
    for name, served_s in values.items():
        if model.duration_s is not None and whole(given[name]) != model.duration_s:
            raise _refused(
                name,
                f"'{name}' is {show(given[name])}, but the model {show(model.asked)} says "
                f"{model.duration_s}s: they contradict each other.",
            )
        if whole(given[name]) != served_s:
            asked["seconds"] = str(whole(given[name]))
    preset_s = model.duration_s or traits.default_duration_s
    return next(iter(values.values()), preset_s or 0)


def _served_s(value: object, name: str, model: ModelName) -> int:
    """Return the duration that serves what was asked: itself, or the next longer for OpenAI's names."""
    allowed = TRAITS[model.family].durations_s
    seconds = whole(value)
    if seconds in allowed:
        return seconds
    if model.is_openai_alias and seconds in OPENAI_DURATIONS_S:
        return min(longer for longer in allowed if longer > seconds)
    also = f", and {listed(OPENAI_DURATIONS_S)} as OpenAI's durations" if model.is_openai_alias else ""
    raise _refused(
        name, f"'{name}' is {show(value)}; {model.family.value} makes {listed(allowed)} seconds{also}."
    )


def _hd_too_long(given: Mapping[str, object], model: ModelName) -> GatewayError:
    names = [name for name in ("hd", "seconds", "duration") if name in given]
    said = [f"'{name}' is {show(given[name])}" for name in names]
    if model.hd or model.duration_s is not None:
        said.append(f"the model is {show(model.asked)}")
    message = (
        f"HD is not made with {_LONGEST_S} seconds ({', '.join(said)}): HD videos take 10 or 15 seconds."
    )
    return _refused(names[0], message)


def _flag(given: Mapping[str, object], name: str, preset: bool | None) -> bool:
    """Return the boolean ``name``. ``preset`` is what the model name says: True, or nothing."""
    if name not in given:
        return bool(preset)
    flag = boolean(given[name])
    if flag is None:
        raise _refused(name, f"'{name}' is {show(given[name])}; true or false is allowed.")
    if preset and not flag:
        raise _refused(
            name, f"'{name}' is false, but the model's name says '{name}': they contradict each other."
        )
    return flag


def _style(given: Mapping[str, object], model: ModelName, asked: dict[str, str]) -> str | None:
    style = given.get("style")
    if style is None or model.family is not Family.VIDEO2:
        return None
    name = style.strip().lower() if isinstance(style, str) else ""
    if name not in STYLES:
        raise _refused("style", f"'style' is {show(style)}; allowed are {listed(STYLES)}.")
    served = _STYLE_ALIASES.get(name, name)
    if served != name:
        asked["style"] = name
    return served


_STYLE_ALIASES = {"vintage": "nostalgic"}


def _output_format(given: Mapping[str, object], model: ModelName) -> str | None:
    if "output_format" not in given or model.kind is not MediaKind.IMAGE:
        return None
    encoding = given["output_format"]
    if not isinstance(encoding, str) or encoding not in OUTPUT_FORMATS:
        raise _refused(
            "output_format", f"'output_format' is {show(encoding)}; allowed are {listed(OUTPUT_FORMATS)}."
        )
    return encoding


def _check_inputs(inputs: tuple[Blob, ...], model: ModelName) -> None:
    most = TRAITS[model.family].max_inputs
    if most is not None and len(inputs) > most:
        raise _refused(
            "input_reference",
            f"There are {len(inputs)} reference pictures; {model.family.value} takes at most {most}.",
        )


def _refuse_lacking(given: Mapping[str, object], model: ModelName) -> None:
    has = TRAITS[model.family].fields
    for name, value in given.items():
        if name not in DEFAULTS or name in has or _is_default(name, value):
            continue
        if name == "style" and model.kind is MediaKind.IMAGE and value in IMAGE_STYLES:
            continue
        raise _refused(
            name,
            f"'{name}' is {show(value)}, but {model.family.value} has no such parameter. "
            f"It takes {listed(sorted({'prompt', 'n', *has}))}.",
        )


def _is_default(name: str, value: object) -> bool:
    default = DEFAULTS[name]
    if default is None:
        return value in ([], ())
    if isinstance(default, bool):
        return boolean(value) is default
    if isinstance(default, int):
        return whole(value) == default
    return isinstance(value, str) and value.replace(" ", "") == default


def _ignored(given: Mapping[str, object], model: ModelName) -> tuple[str, ...]:
    known = KNOWN | WITHOUT_EFFECT if model.kind is MediaKind.IMAGE else KNOWN
    return tuple(sorted(name for name in given if name not in known))


def _refused(param: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
