"""The models that word a prompt more richly: their names and what can be asked of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.model_names import TEXT_BASE, split_groups
from sora_gateway.domain.parameters import DEFAULTS, KNOWN, MAX_PROMPT_CHARS
from sora_gateway.domain.values import boolean, listed, plain, show, whole

LEVELS = ("short", "medium", "long")
"""How rich the wording becomes."""

DURATIONS_S = (10, 15, 20)
"""How long the video is that the prompt is meant for."""

_DURATIONS = {f"{duration_s}s": duration_s for duration_s in DURATIONS_S}
_OTHERS = KNOWN - {"model", "prompt"}
_NO_CHANGE: Mapping[str, object] = {**DEFAULTS, "n": 1, "dry_run": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextModel:
    """What the name of a text model says; ``id`` is the name as it was asked."""

    id: str
    level: str
    duration_s: int
    groups: tuple[str, ...] = ()

    @property
    def canonical(self) -> str:
        """The name without blanks."""
        name = f"{TEXT_BASE}-{self.level}-{self.duration_s}s"
        return f"{name}|[{','.join(self.groups)}]" if self.groups else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A prompt and the model that shall word it."""

    model: TextModel
    prompt: str


def parse_text_model(text: object) -> TextModel | None:
    """Return what the name of a text model means, None for any other name.

    Raises:
        GatewayError(invalid_model): it lacks a level or a duration, has another one, or its groups are
            malformed; the message lists what is allowed.
    """
    if not isinstance(text, str) or not text.strip().startswith(TEXT_BASE):
        return None
    name, groups = split_groups(text.strip())
    base, *words = name.removeprefix(TEXT_BASE).split("-")
    match words:
        case [level, duration] if not base and level in LEVELS and duration in _DURATIONS:
            return TextModel(id=text.strip(), level=level, duration_s=_DURATIONS[duration], groups=groups)
        case _:
            raise GatewayError(
                ErrorKind.INVALID_MODEL,
                f"The model {show(name)} is none of {TEXT_BASE}-LEVEL-DURATION, where LEVEL is "
                f"{listed(LEVELS)} and DURATION is {listed(_DURATIONS)}.",
                param="model",
            )


def text_catalogue() -> tuple[TextModel, ...]:
    """Return all text models."""
    return tuple(
        TextModel(id=f"{TEXT_BASE}-{level}-{duration_s}s", level=level, duration_s=duration_s)
        for level, duration_s in product(LEVELS, DURATIONS_S)
    )


def text_capabilities(model: TextModel) -> dict[str, object]:
    """Return what a machine wants to know of ``model``, in the shape of ``model_names.capabilities``."""
    return {
        "kind": "text",
        "family": TEXT_BASE,
        "canonical": model.canonical,
        "plan": "free",
        "preset": {"level": model.level, "duration": model.duration_s},
        "suffixes": [],
        "inputs": {"media": [], "maximum": 0},
        "parameters": {},
        "permission": "chat",
    }


def resolve_text(fields: Mapping[str, object], model: TextModel) -> Wording:
    """Return what ``fields`` ask of ``model``.

    Raises:
        GatewayError(invalid_request): no prompt, a too long one, or a parameter of pictures and videos.
    """
    for name in sorted(_OTHERS & fields.keys()):
        value = fields[name]
        if value in (None, "", []) or _changes_nothing(name, value, model):
            continue
        message = f"'{name}' is {show(value)}, but {TEXT_BASE} answers with text and has no such parameter."
        raise _refused(name, message)
    prompt = fields.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise _refused("prompt", "'prompt' is empty: say what to word.")
    if len(prompt) > MAX_PROMPT_CHARS:
        count = len(prompt)
        raise _refused("prompt", f"'prompt' has {count} characters; at most {MAX_PROMPT_CHARS} are allowed.")
    return Wording(model=model, prompt=prompt)


def _changes_nothing(name: str, value: object, model: TextModel) -> bool:
    if name in ("duration", "seconds"):
        return whole(value) == model.duration_s
    default = _NO_CHANGE.get(name)
    return boolean(value) is default if isinstance(default, bool) else plain(value) == plain(default)


def _refused(param: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
