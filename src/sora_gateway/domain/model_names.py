"""The grammar and the catalogue of model names.

``base[-parameter]*[|[group,...]]``: parameters in any order, each kind once. Names are lower-case; blanks
around the whole name and around a group are tolerated, upper case is refused with a hint. The models that
answer with text have a grammar of their own, see ``text_models``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import product

from sora_gateway.domain.accounts import Plan
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Aspect, MediaKind


class Family(StrEnum):
    """The base of a model name."""

    IMAGE = "sora_image"
    VIDEO = "sora_video"
    VIDEO2 = "sora_video2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What the models of a family can do. ``fields`` are the request fields beside prompt, model and n."""

    kind: MediaKind
    about: str
    sizes: Mapping[Aspect, str]
    default_aspect: Aspect
    max_inputs: int
    durations_s: tuple[int, ...] = ()
    default_duration_s: int | None = None
    has_suffixes: bool = False
    fields: frozenset[str] = frozenset()


_VIDEO_SIZES = {Aspect.PORTRAIT: "720x1280", Aspect.LANDSCAPE: "1280x720"}
_HD_SIZES = {Aspect.PORTRAIT: "1024x1792", Aspect.LANDSCAPE: "1792x1024"}

TRAITS: Mapping[Family, Traits] = {
    Family.IMAGE: Traits(
        kind=MediaKind.IMAGE,
        about="images",
        sizes={Aspect.SQUARE: "1024x1024", Aspect.LANDSCAPE: "1536x1024", Aspect.PORTRAIT: "1024x1536"},
        default_aspect=Aspect.SQUARE,
        max_inputs=16,
        fields=frozenset({"size", "private", "output_format", "response_format"}),
    ),
    Family.VIDEO: Traits(
        kind=MediaKind.VIDEO,
        about="videos of the first generation, 480p",
        sizes=_VIDEO_SIZES,
        default_aspect=Aspect.PORTRAIT,
        durations_s=(5, 10, 15, 20),
        default_duration_s=10,
        max_inputs=1,
        fields=frozenset({"size", "duration", "seconds"}),
    ),
    Family.VIDEO2: Traits(
        kind=MediaKind.VIDEO,
        about="videos, Sora 2",
        sizes=_VIDEO_SIZES,
        default_aspect=Aspect.PORTRAIT,
        durations_s=(10, 15, 25),
        default_duration_s=10,
        max_inputs=1,
        has_suffixes=True,
        fields=frozenset(
            {"size", "duration", "seconds", "hd", "private", "style", "storyboard", "watermark"}
            | {"character_url", "character_timestamps", "character_from_task", "character_create"}
            | {"characters", "remix_target_id"}
        ),
    ),
}

STYLES = (
    *("thanksgiving", "comic", "news", "selfie", "nostalgic", "anime"),
    *("festive", "kakalaka", "handheld", "golden", "retro", "vintage"),
    *("high_def", "kpop", "cartoon2", "animated", "sitcom", "selfie3"),
)
"""Styles of ``sora_video2``: the documented ones, then the backend's further ids."""

OPENAI_DURATIONS_S = (4, 8, 12, 16, 20)
"""Durations that only OpenAI's model names have; each is served by the next longer one of ours."""

OUTPUT_FORMATS = ("png", "jpeg", "webp")
"""What a finished image can be given as."""

RESPONSE_FORMATS = ("b64_json", "url")
"""How a finished image is handed over; the first one unless asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelName:
    """What a model name says; None where it leaves the choice to the request.

    Two are equal when they mean the same: how the name was written (``asked``, ``is_openai_alias``) does
    not count. ``orientation`` of an image is the preset of its alias. ``hd`` includes ``pro``.
    """

    family: Family
    orientation: Aspect | None = None
    duration_s: int | None = None
    hd: bool = False
    pro: bool = False
    storyboard: bool = False
    groups: tuple[str, ...] = ()
    asked: str = field(default="", compare=False)
    is_openai_alias: bool = field(default=False, compare=False)

    @property
    def id(self) -> str:
        """The name to show: as it was asked."""
        return self.asked

    @property
    def kind(self) -> MediaKind:
        """What the model makes."""
        return TRAITS[self.family].kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """Another name for a model. ``aspect`` is a preset; ``is_openai`` allows OpenAI's durations and dates."""

    target: str
    is_openai: bool = False
    aspect: Aspect | None = None


DEFAULT_ALIASES: Mapping[str, Alias] = {
    "sora-2": Alias(target="sora_video2", is_openai=True),
    "sora-2-pro": Alias(target="sora_video2-pro", is_openai=True),
    "gpt-image-1": Alias(target="sora_image", is_openai=True),
    "gpt-image-1-mini": Alias(target="sora_image", is_openai=True),
    "gpt-image-1.5": Alias(target="sora_image", is_openai=True),
    "gpt-image-2": Alias(target="sora_image", is_openai=True),
    "chatgpt-image-latest": Alias(target="sora_image", is_openai=True),
    "dall-e-2": Alias(target="sora_image", is_openai=True),
    "dall-e-3": Alias(target="sora_image", is_openai=True),
    # sora2api's names; its longer ones (sora2pro-hd-landscape-10s) are these with suffixes.
    "gpt-image": Alias(target="sora_image"),
    "gpt-image-landscape": Alias(target="sora_image", aspect=Aspect.LANDSCAPE),
    "gpt-image-portrait": Alias(target="sora_image", aspect=Aspect.PORTRAIT),
    "sora2": Alias(target="sora_video2"),
    "sora2pro": Alias(target="sora_video2-pro"),
}

TEXT_BASE = "prompt-enhance"
"""What the names of text models begin with."""

DEFAULT_MODELS: Mapping[MediaKind, str] = {MediaKind.VIDEO: "sora-2", MediaKind.IMAGE: "sora_image"}
"""What is meant where a route's request names no model."""

_IMAGE_PRESETS = {alias.aspect: name for name, alias in DEFAULT_ALIASES.items() if alias.aspect is not None}
_ORIENTATIONS = {"portrait": Aspect.PORTRAIT, "landscape": Aspect.LANDSCAPE}
_DURATIONS = {f"{duration_s}s": duration_s for duration_s in TRAITS[Family.VIDEO2].durations_s}
_FLAGS = ("hd", "pro", "storyboard")
SUFFIXES = (*_ORIENTATIONS, *_DURATIONS, *_FLAGS)
"""Every parameter that may follow ``sora_video2``, in canonical order."""

_GROUPED = re.compile(r"(?P<name>[^|]*)\|\[(?P<groups>[^\[\]|]*)\]", re.DOTALL)
_GROUP = re.compile(r"[A-Za-z0-9_-]+")
_DATE = re.compile(r"-\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?=-|$)", re.ASCII)


def parse_model_name(text: str, aliases: Mapping[str, Alias] = DEFAULT_ALIASES) -> ModelName:
    """Return what ``text`` means.

    Raises:
        GatewayError(model_not_found): the base is unknown.
        GatewayError(invalid_model): a parameter is unknown, repeated or contradicts another, or the groups
            are malformed. ``param`` is ``model`` in both cases.
    """
    asked = text.strip()
    name, groups = split_groups(asked)
    if name.startswith(TEXT_BASE):
        raise _invalid(
            f"The model '{_short(asked)}' is a text model, for chat only (POST /v1/chat/completions)."
        )
    base, rest = _split_base(name, aliases)
    alias = aliases.get(base, Alias(target=base))
    if alias.is_openai:
        rest = _DATE.sub("", rest, count=1) if _DATE.match(rest) else rest
    family, *preset = alias.target.split("-")
    start = ModelName(family=Family(family), orientation=alias.aspect)
    model = _with_words(start, [*preset, *rest.split("-")[1:]], asked)
    if model.hd and model.duration_s == _LONGEST_S:
        raise _invalid(
            f"The model '{_short(asked)}' combines 'hd' with '{_LONGEST_S}s': HD videos take 10s or 15s."
        )
    return replace(
        model, pro=model.pro or model.hd, groups=groups, asked=asked, is_openai_alias=alias.is_openai
    )


_LONGEST_S = 25


def format_model_name(model: ModelName) -> str:
    """Return the canonical text: parameters in the order of ``SUFFIXES``, ``hd`` standing for ``pro`` too.

    ``parse_model_name`` of it gives an equal model, and a canonical name comes back as it was.
    """
    text = model.family.value
    if model.kind is MediaKind.IMAGE and model.orientation is not None:
        text = _IMAGE_PRESETS.get(model.orientation, text)
    words = [word for word, aspect in _ORIENTATIONS.items() if aspect is model.orientation]
    words += [word for word, duration_s in _DURATIONS.items() if duration_s == model.duration_s]
    words += [word for word in _FLAGS if getattr(model, word) and not (word == "pro" and model.hd)]
    if TRAITS[model.family].has_suffixes:
        text = "-".join((text, *words))
    return f"{text}|[{','.join(model.groups)}]" if model.groups else text


def catalogue(aliases: Mapping[str, Alias] | None = None) -> tuple[ModelName, ...]:
    """Return the models to show, in order: families, their parameters, usual combinations, then ``aliases``.

    The ``id`` of each is what to ask for. Without ``aliases`` all of them are canonical.
    """
    aliases = aliases if aliases is not None else {}
    combined = [
        "-".join((Family.VIDEO2.value, orientation, duration, *quality))
        for quality, orientation, duration in product(((), ("pro",), ("hd",)), _ORIENTATIONS, _DURATIONS)
        if not (quality == ("hd",) and duration == f"{_LONGEST_S}s")
    ]
    singles = [f"{Family.VIDEO2.value}-{word}" for word in SUFFIXES]
    names = [*(family.value for family in Family), *singles, *combined, *aliases]
    return tuple(parse_model_name(name, aliases) for name in names)


def needed_plan(*, pro: bool, duration_s: int | None, relax_25s: bool = False) -> Plan:
    """Return the least plan that can run it. ``relax_25s``: 25 s run on any paid plan."""
    if pro:
        return Plan.PRO
    if duration_s == _LONGEST_S:
        return Plan.PLUS if relax_25s else Plan.PRO
    return Plan.FREE


def capabilities(model: ModelName, *, relax_25s: bool = False) -> dict[str, object]:
    """Return what a machine wants to know of ``model``: what it makes and each parameter's values.

    Shape: ``{"kind", "family", "canonical", "plan", "preset", "suffixes", "inputs", "parameters"}`` where a
    parameter is ``{"values": [...], "default": ...}`` or has ``minimum`` and ``maximum``. ``also`` are values
    that are adapted, ``form`` describes free text (of a size: others than ``values`` are served by the one of
    their shape), ``plans`` names values that need more than the model's ``plan``, and ``permission`` what the
    licence needs beside that of the route.
    """
    traits = TRAITS[model.family]
    plan = needed_plan(pro=model.pro, duration_s=model.duration_s, relax_25s=relax_25s)
    preset = {
        "orientation": model.orientation.value if model.orientation else None,
        "duration": model.duration_s,
        "hd": model.hd,
        "pro": model.pro,
        "storyboard": model.storyboard,
    }
    rows = _rows(model, plan, relax_25s=relax_25s)
    parameters = {name: row for name, row in rows.items() if name in traits.fields}
    if model.storyboard:
        del parameters["remix_target_id"]  # a timeline describes a whole video
    return {
        "kind": traits.kind.value,
        "family": model.family.value,
        "canonical": format_model_name(model),
        "plan": plan.value,
        "preset": {name: value for name, value in preset.items() if value not in (None, False)},
        "suffixes": list(_addable(model)) if traits.has_suffixes else [],
        "inputs": {"media": ["image/png", "image/jpeg", "image/webp"], "maximum": traits.max_inputs},
        "parameters": {"n": {"minimum": 1, "maximum": 4, "default": 1}, **parameters},
    }


def _addable(model: ModelName) -> Iterator[str]:
    """Yield the parameters that the name may still be given and that say more than it says already."""
    name = format_model_name(replace(model, groups=()))
    for word in SUFFIXES:
        try:
            longer = parse_model_name(f"{name}-{word}")
        except GatewayError:
            continue
        if longer != replace(model, groups=()):
            yield word


def _rows(model: ModelName, plan: Plan, *, relax_25s: bool) -> dict[str, dict[str, object]]:
    seconds = _seconds_row(model, plan, relax_25s)
    characters = {"permission": "characters"}
    return {
        "size": _size_row(model),
        "output_format": {"values": list(OUTPUT_FORMATS), "default": None},
        "response_format": {"values": list(RESPONSE_FORMATS), "default": RESPONSE_FORMATS[0]},
        "seconds": seconds,
        "duration": seconds,
        "hd": _hd_row(model, plan),
        "storyboard": {"values": [True], "default": True} if model.storyboard else _FLAG_ROW,
        "watermark": _FLAG_ROW,
        "private": _FLAG_ROW,
        "style": {"values": list(STYLES), "default": None},
        "character_url": {"form": "URL, data URL or base64 of a video", "default": None, **characters},
        "character_timestamps": {"form": "start,end in seconds", "default": "0,3", **characters},
        "character_from_task": {"form": "id of a finished video", "default": None, **characters},
        "character_create": {**_FLAG_ROW, **characters},
        "characters": {"form": "list of the ids of characters", "default": None, **characters},
        "remix_target_id": {"form": "id of a finished video, or link of a shared one", "default": None},
    }


_FLAG_ROW: dict[str, object] = {"values": [False, True], "default": False}


def _size_row(model: ModelName) -> dict[str, object]:
    traits = TRAITS[model.family]
    sizes = _HD_SIZES if model.hd else traits.sizes
    shown = [sizes[model.orientation]] if model.orientation else list(sizes.values())
    default = sizes[model.orientation or traits.default_aspect]
    if model.kind is MediaKind.IMAGE:
        return {"values": [*shown, "auto"], "default": default, "form": "WxH or auto"}
    return {"values": shown, "default": default, "form": "WxH"}


def _seconds_row(model: ModelName, plan: Plan, relax_25s: bool) -> dict[str, object]:
    traits = TRAITS[model.family]
    if model.duration_s is not None:
        return {"values": [model.duration_s], "default": model.duration_s}
    values = [s for s in traits.durations_s if not (model.hd and s == _LONGEST_S)]
    also = [s for s in OPENAI_DURATIONS_S if s < max(values)] if model.is_openai_alias and values else []
    row: dict[str, object] = {"values": values, "default": traits.default_duration_s}
    if also:
        row["also"] = also
    needed = needed_plan(pro=False, duration_s=_LONGEST_S, relax_25s=relax_25s)
    longest = [s for s in (*also, *values) if next((v for v in values if v >= s), 0) == _LONGEST_S]
    if longest and plan is Plan.FREE:
        row["plans"] = {str(s): needed.value for s in longest}
    return row


def _hd_row(model: ModelName, plan: Plan) -> dict[str, object]:
    if model.hd:
        return {"values": [True], "default": True}
    if model.duration_s == _LONGEST_S:
        return {"values": [False], "default": False}
    return {**_FLAG_ROW, "plans": {"true": Plan.PRO.value}} if plan is Plan.FREE else _FLAG_ROW


def split_groups(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the name before the groups, and the groups.

    Raises:
        GatewayError(invalid_model): they are malformed or repeated.
    """
    if "|" not in text:
        return text, ()
    match = _GROUPED.fullmatch(text)
    if match is None:
        raise _invalid(
            f"The groups of '{_short(text)}' are malformed: write model|[group,...], e.g. |[free,plus]."
        )
    groups = tuple(group.strip() for group in match["groups"].split(","))
    for group in groups:
        if not _GROUP.fullmatch(group):
            raise _invalid(
                f"'{_short(group)}' is no account group: its name is made of letters, digits, '-' and '_'."
            )
    if len(set(groups)) < len(groups):
        raise _invalid(f"The model '{_short(text)}' names an account group twice.")
    return match["name"].strip(), groups


def _split_base(name: str, aliases: Mapping[str, Alias]) -> tuple[str, str]:
    """Return the longest known base or alias that ``name`` begins with, and the rest (``-...`` or empty)."""
    known = [*(family.value for family in Family), *aliases]
    fitting = [base for base in known if name == base or name.startswith(f"{base}-")]
    if not fitting:
        raise _not_found(name, aliases)
    base = max(fitting, key=len)
    rest = name[len(base) :]
    alias = aliases.get(base)
    if alias is not None and alias.target == Family.IMAGE and rest and not _is_explicable(alias, rest):
        # gpt-image-9 is another model, not gpt-image with a parameter.
        raise _not_found(name, aliases)
    return base, rest


def _is_explicable(alias: Alias, rest: str) -> bool:
    return (alias.is_openai and _DATE.match(rest) is not None) or rest[1:].split("-", 1)[0] in SUFFIXES


def _with_words(model: ModelName, words: list[str], asked: str) -> ModelName:
    for word in words:
        if not TRAITS[model.family].has_suffixes:
            raise _invalid(
                f"The model '{_short(asked)}' has the parameter '{_short(word)}', "
                f"but {model.family.value} takes no parameters."
            )
        model = _with_word(model, word, asked)
    return model


def _with_word(model: ModelName, word: str, asked: str) -> ModelName:
    if word in _ORIENTATIONS:
        _require_new(model.orientation, _ORIENTATIONS[word], "orientation", word, asked)
        return replace(model, orientation=_ORIENTATIONS[word])
    if word in _DURATIONS:
        _require_new(model.duration_s, _DURATIONS[word], "duration", word, asked)
        return replace(model, duration_s=_DURATIONS[word])
    if word in _FLAGS:
        _require_new(getattr(model, word) or None, True, word, word, asked)
        return replace(
            model,
            hd=model.hd or word == "hd",
            pro=model.pro or word == "pro",
            storyboard=model.storyboard or word == "storyboard",
        )
    raise _invalid(
        f"The model '{_short(asked)}' has the unknown parameter '{_short(word)}'. {_allowed(model.family)}"
    )


def _require_new(present: object, given: object, name: str, word: str, asked: str) -> None:
    if present is None:
        return
    what = f"the parameter '{word}' twice" if present == given else f"a second {name}, '{word}'"
    raise _invalid(f"The model '{_short(asked)}' has {what}. {_allowed(Family.VIDEO2)}")


def _allowed(family: Family) -> str:
    return f"{family.value} takes, each kind once: {', '.join(SUFFIXES)}."


def _invalid(message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_MODEL, message, param="model")


def _not_found(name: str, aliases: Mapping[str, Alias]) -> GatewayError:
    hint = ""
    if name != name.lower() and _is_known(name.lower(), aliases):
        hint = f" Names are lower-case: '{_short(name.lower())}'."
    families = ", ".join(family.value for family in Family)
    return GatewayError(
        ErrorKind.MODEL_NOT_FOUND,
        f"The model '{_short(name)}' does not exist.{hint} "
        f"Available: {families} and the aliases {', '.join(aliases)}.",
        param="model",
    )


def _is_known(name: str, aliases: Mapping[str, Alias]) -> bool:
    try:
        _split_base(name, aliases)
    except GatewayError:
        return False
    return True


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


_SHOWN = 80
