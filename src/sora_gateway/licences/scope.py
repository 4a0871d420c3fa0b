"""Keep a request within the models and the account groups of its caller."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.model_names import (
    DEFAULT_ALIASES,
    TEXT_BASE,
    Alias,
    Family,
    ModelName,
    parse_model_name,
)
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.domain.text_models import TextModel, parse_text_model

FAMILIES = (*(family.value for family in Family), TEXT_BASE)
"""What may stand in a licence for all models of a kind."""

_GROUP = re.compile(r"[A-Za-z0-9_-]+")


def within(
    request: GenerationRequest, caller: Caller, aliases: Mapping[str, Alias] = DEFAULT_ALIASES
) -> GenerationRequest:
    """Return the request bound to the groups of its caller's licence, if that allows its model and groups.

    A character has no model. Groups that the request names must be the licence's; naming none, it gets all
    of those.

    Raises:
        GatewayError(permission_denied): the model or a group is not allowed; the message lists what is.
    """
    is_free = not caller.models or request.kind is MediaKind.CHARACTER
    if not is_free and not any(_covers(entry, request, aliases) for entry in caller.models):
        raise _denied(f"may not use the model '{request.model}'", "models", caller.models)
    groups = within_groups(request.groups, caller)
    return request if groups == request.groups else replace(request, groups=groups)


def text_within(model: TextModel, caller: Caller) -> tuple[str, ...]:
    """Return the groups that may serve a text model.

    Raises:
        GatewayError(permission_denied): as ``within``.
    """
    plain = replace(model, groups=()).canonical
    if caller.models and not {TEXT_BASE, plain} & {_plain(entry) for entry in caller.models}:
        raise _denied(f"may not use the model '{plain}'", "models", caller.models)
    return within_groups(model.groups, caller)


def within_groups(asked: Sequence[str], caller: Caller) -> tuple[str, ...]:
    """Return the groups whose accounts may run what asks for ``asked`` (none: any); none: all accounts.

    Raises:
        GatewayError(permission_denied): one of them is not the licence's.
    """
    if not caller.groups:
        return tuple(asked)
    beyond = [group for group in asked if group not in caller.groups]
    if beyond:
        raise _denied(f"may not use the account groups {', '.join(beyond)}", "groups", caller.groups)
    return tuple(asked) or caller.groups


def checked_model(text: str, aliases: Mapping[str, Alias] = DEFAULT_ALIASES) -> str:
    """Return ``text`` if a licence can name it: a family, or the name or alias of a model without groups.

    Raises:
        GatewayError(invalid_model, model_not_found): it cannot.
    """
    name = text.strip()
    if name in FAMILIES:
        return name
    if "|" in name:
        message = f"'{name}' names groups; a licence has groups of its own."
        raise GatewayError(ErrorKind.INVALID_MODEL, message, param="model")
    if parse_text_model(name) is None:
        parse_model_name(name, aliases)
    return name


def checked_group(text: str) -> str:
    """Return ``text`` if it can be the name of a group of accounts.

    Raises:
        GatewayError(invalid_model): it cannot.
    """
    name = text.strip()
    if _GROUP.fullmatch(name) is None:
        message = f"'{name}' is no name of a group: letters, digits, '-' and '_' are allowed."
        raise GatewayError(ErrorKind.INVALID_MODEL, message, param="model")
    return name


def _covers(entry: str, request: GenerationRequest, aliases: Mapping[str, Alias]) -> bool:
    if entry in FAMILIES:
        return entry == request.family.value
    try:
        return _is_such(request, parse_model_name(entry, aliases))
    except GatewayError:
        return False  # an alias that the settings have no more


def _is_such(request: GenerationRequest, model: ModelName) -> bool:
    """Tell whether the request is what the name says. What it leaves open is free, but for Pro."""
    return (
        request.family is model.family
        and (request.pro or request.hd) == (model.pro or model.hd)
        and (request.hd or not model.hd)
        and (request.storyboard or not model.storyboard)
        and model.duration_s in (None, request.duration_s)
        and model.orientation in (None, request.aspect)
    )


def _plain(entry: str) -> str:
    try:
        model = parse_text_model(entry) if entry != TEXT_BASE else None
    except GatewayError:
        return ""
    return model.canonical if model is not None else entry


def _denied(what: str, name: str, allowed: Sequence[str]) -> GatewayError:
    message = (
        f"This key {what}; its {name} are: {', '.join(allowed)}. The operator of this server can add more."
    )
    return GatewayError(ErrorKind.PERMISSION_DENIED, message, param="model")
