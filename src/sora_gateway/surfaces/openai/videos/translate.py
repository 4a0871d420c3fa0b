"""Read requests of the Videos API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Variant
from sora_gateway.domain.parameters import merge_sources, resolve_video
from sora_gateway.surfaces.openai.intake import Draft
from sora_gateway.surfaces.openai.references import references, without
from sora_gateway.web.forms import Form

_REFERENCES = ("input_reference", "image")
_VARIANTS = (Variant.VIDEO, Variant.THUMBNAIL, Variant.SPRITESHEET)
_ORDERS = {"asc": True, "desc": False}
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
UNKNOWN_EVENT = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which piece of the list is wanted."""

    after: str | None
    limit: int
    ascending: bool


def translate_create(form: Form) -> Draft:
    """Return what a request to make a video asks for."""
    return Draft(
        fields=merge_sources(without(form.fields, _REFERENCES), form.query),
        references=references(form, _REFERENCES),
        resolve=resolve_video,
    )


def translate_listing(query: Mapping[str, str]) -> Listing:
    """Return the piece of the list that a query names.

    Raises:
        GatewayError(invalid_request): ``limit`` or ``order`` is not one of the allowed.
    """
    limit, order = query.get("limit", str(DEFAULT_LIMIT)), query.get("order", "desc")
    if not _WHOLE.fullmatch(limit) or not 1 <= int(limit) <= MAX_LIMIT:
        raise _refused("limit", f"'limit' is '{limit[:80]}'; 1 to {MAX_LIMIT} are allowed.")
    if order not in _ORDERS:
        raise _refused("order", f"'order' is '{order[:80]}'; asc and desc are allowed.")
    return Listing(after=query.get("after") or None, limit=int(limit), ascending=_ORDERS[order])


def translate_variant(query: Mapping[str, str]) -> Variant:
    """Return which file of a job is wanted.

    Raises:
        GatewayError(invalid_request): a video has no such variant.
    """
    name = query.get("variant", Variant.VIDEO.value)
    if name not in _VARIANTS:
        raise _refused("variant", f"'variant' is '{name[:80]}'; {', '.join(_VARIANTS)} are allowed.")
    return Variant(name)


def translate_last_event(headers: Mapping[str, str], query: Mapping[str, str]) -> int | None:
    """Return the last event that a watcher saw, None for one who begins; unreadable is ``UNKNOWN_EVENT``."""
    given = headers.get("last-event-id") or query.get("last_event_id")
    if not given:
        return None
    return int(given) if _WHOLE.fullmatch(given) else UNKNOWN_EVENT


def _refused(param: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
