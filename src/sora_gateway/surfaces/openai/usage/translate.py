"""Read how many days are asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sora_gateway.domain.errors import ErrorKind, GatewayError

DEFAULT_DAYS = 30
MAX_DAYS = 400

_WHOLE = re.compile(r"\d{1,9}", re.ASCII)


def translate_days(query: Mapping[str, str]) -> int:
    """Return the number of days.

    Raises:
        GatewayError(invalid_request): it is not 1 to 400.
    """
    days = query.get("days", str(DEFAULT_DAYS))
    if not _WHOLE.fullmatch(days) or not 1 <= int(days) <= MAX_DAYS:
        message = f"'days' is '{days[:80]}'; 1 to {MAX_DAYS} are allowed."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param="days")
    return int(days)
