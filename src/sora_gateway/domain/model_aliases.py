"""Read the operator's own names for models."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.model_names import (
    DEFAULT_ALIASES,
    TEXT_BASE,
    Alias,
    Family,
    format_model_name,
    parse_model_name,
    split_groups,
)

_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:-]{0,99}", re.ASCII)


def with_aliases(extra: Mapping[str, str]) -> Mapping[str, Alias]:
    """Return the default aliases with the operator's own, ``{name: model name or alias}``, on top.

    An own alias of an OpenAI name, or in its place, accepts OpenAI's durations as well. One may lead to
    another, in whatever order they stand.

    Raises:
        GatewayError(invalid_model, model_not_found): a target is no model name, or it restricts groups; or an
            alias cannot be written as a name, is a model's own, or leads to itself.
    """
    aliases, waiting = dict(DEFAULT_ALIASES), dict(extra)
    for name in extra:
        _require_free(name)
    while waiting:
        ready = [name for name in waiting if _leads_to(waiting[name], waiting) in (None, name)]
        if not ready:
            raise _invalid(
                f"The aliases {', '.join(map(_shown, waiting))} lead to each other and to no model."
            )
        for name in ready:
            aliases[name] = _alias(name, waiting.pop(name), aliases)
    return {name: aliases[name] for name in (*DEFAULT_ALIASES, *extra)}


def _leads_to(target: str, waiting: Collection[str]) -> str | None:
    """Return the alias among ``waiting`` that ``target`` begins with, None if it begins with another name."""
    text = split_groups(target.strip())[0]
    known = (*(family.value for family in Family), *DEFAULT_ALIASES, *waiting)
    base = max((name for name in known if text == name or text.startswith(f"{name}-")), key=len, default="")
    return base if base in waiting else None


def _alias(name: str, target: str, aliases: Mapping[str, Alias]) -> Alias:
    model = parse_model_name(target, aliases)
    if model.groups:
        raise _invalid(f"The alias '{name}' cannot restrict account groups: '{target}'.")
    is_openai = model.is_openai_alias or (name in DEFAULT_ALIASES and DEFAULT_ALIASES[name].is_openai)
    is_image = model.kind is MediaKind.IMAGE
    return Alias(
        target=Family.IMAGE.value if is_image else format_model_name(model),
        is_openai=is_openai,
        aspect=model.orientation if is_image else None,
    )


def _require_free(name: str) -> None:
    if not _ALIAS.fullmatch(name):
        raise _invalid(
            f"'{_shown(name)}' cannot be an alias: it is made of letters, digits and '-', '_', '.', '/', ':'."
        )
    own = name.startswith((TEXT_BASE, *(f"{family.value}-" for family in Family)))
    if own or name in {family.value for family in Family}:
        raise _invalid(f"'{_shown(name)}' cannot be an alias: models of that name exist.")


def _invalid(message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_MODEL, message, param="model")


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


_SHOWN = 80
