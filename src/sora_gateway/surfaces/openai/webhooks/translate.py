"""Read requests about webhook endpoints."""

from __future__ import annotations

from dataclasses import dataclass

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.values import boolean, show
from sora_gateway.domain.webhooks import EventType, read_event_type, read_event_types, read_name, read_url
from sora_gateway.web.forms import Form

_KEEPS = "keep_old_secret_active_for_24_hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A new endpoint."""

    name: str
    url: str
    event_types: tuple[EventType, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to be changed of an endpoint; None stays."""

    name: str | None
    url: str | None
    event_types: tuple[EventType, ...] | None


def translate_create(form: Form) -> Wanted:
    """Return the endpoint that is to be made.

    Raises:
        GatewayError(invalid_request): a field is missing or not one of the allowed.
    """
    fields = form.fields
    return Wanted(
        name=read_name(fields.get("name")),
        url=read_url(fields.get("url"), param="url"),
        event_types=read_event_types(fields.get("event_types")),
    )


def translate_update(form: Form) -> Changes:
    """Return what is to be changed.

    Raises:
        GatewayError(invalid_request): a field is not one of the allowed.
    """
    name, url, event_types = (form.fields.get(field) for field in ("name", "url", "event_types"))
    return Changes(
        name=None if name is None else read_name(name),
        url=None if url is None else read_url(url, param="url"),
        event_types=None if event_types is None else read_event_types(event_types),
    )


def translate_rotation(form: Form) -> bool:
    """Tell whether the old secret is to stay good for a day.

    Raises:
        GatewayError(invalid_request): the field is no boolean.
    """
    value = form.fields.get(_KEEPS)
    if value is None:
        return False
    flag = boolean(value)
    if flag is None:
        message = f"'{_KEEPS}' is {show(value)}; true or false is allowed."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=_KEEPS)
    return flag


def translate_test(form: Form) -> EventType:
    """Return the type of event that is to be sent.

    Raises:
        GatewayError(invalid_request): there is none of this name.
    """
    return read_event_type(form.fields.get("event_type"))
