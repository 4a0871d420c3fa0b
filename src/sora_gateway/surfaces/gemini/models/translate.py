"""Read which piece of the list of models is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.values import show, whole

DEFAULT_SIZE = 50
MAX_SIZE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """``size`` models from number ``start`` on."""

    start: int
    size: int


def translate_listing(query: Mapping[str, str]) -> Listing:
    """Return the piece that a query names. As at Google 0 means the default, and more than 1000 is 1000.

    Raises:
        GatewayError(invalid_request): a size that is no number, or a token that was never given.
    """
    size, start = _number(query, "pageSize", "page_size"), _number(query, "pageToken", "page_token")
    return Listing(start=start, size=min(size, MAX_SIZE) or DEFAULT_SIZE)


def _number(query: Mapping[str, str], name: str, other: str) -> int:
    text = query.get(name) or query.get(other) or "0"
    number = whole(text)
    if number is None or number < 0:
        message = f"'{name}' is {show(text)}; it must be a whole number, or a token of the page before."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=name)
    return number
