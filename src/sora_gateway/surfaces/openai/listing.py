"""Read which piece of a list is wanted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.web.routes import parameters

DEFAULT_LIMIT = 20
MAX_LIMIT = 100

LISTING = parameters(
    query={"after": "the last id of the page before", "limit": "0 to 100, 20", "order": "asc or desc"}
)
"""What ``translate_listing`` reads, for the documentation of a route."""

_ORDERS = {"asc": True, "desc": False}
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which piece of the list is wanted."""

    after: str | None
    limit: int
    ascending: bool


def translate_listing(query: Mapping[str, str]) -> Listing:
    """Return the piece of the list that a query names.

    Raises:
        GatewayError(invalid_request): ``limit`` or ``order`` is not one of the allowed.
    """
    limit, order = query.get("limit", str(DEFAULT_LIMIT)), query.get("order", "desc")
    if not _WHOLE.fullmatch(limit) or int(limit) > MAX_LIMIT:
        raise _refused("limit", f"'limit' is '{limit[:80]}'; 0 to {MAX_LIMIT} are allowed.")
    if order not in _ORDERS:
        raise _refused("order", f"'order' is '{order[:80]}'; asc and desc are allowed.")
    return Listing(after=query.get("after") or None, limit=int(limit), ascending=_ORDERS[order])


def _refused(param: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
