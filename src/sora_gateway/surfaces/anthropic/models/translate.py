"""Read which piece of the list of models is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.values import show, whole

DEFAULT_LIMIT = 20
MAX_LIMIT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """At most ``limit`` models right after one, right before one, or from the beginning."""

    limit: int = DEFAULT_LIMIT
    after_id: str | None = None
    before_id: str | None = None


def translate_window(query: Mapping[str, str]) -> Window:
    """Return the window that the query asks for; an empty value is none.

    Raises:
        GatewayError(invalid_request): ``limit`` is out of range, or both directions are asked for.
    """
    given, after_id, before_id = (query.get(name) or None for name in ("limit", "after_id", "before_id"))
    limit = DEFAULT_LIMIT if given is None else whole(given)
    if limit is None or not 1 <= limit <= MAX_LIMIT:
        message = f"'limit' is {show(given)}; 1 to {MAX_LIMIT} are allowed."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param="limit")
    if after_id is not None and before_id is not None:
        message = "'after_id' and 'before_id' contradict each other: give one of them."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param="before_id")
    return Window(limit=limit, after_id=after_id, before_id=before_id)
