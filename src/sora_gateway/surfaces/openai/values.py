"""Read single values that shape an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sora_gateway.domain.errors import ErrorKind, GatewayError

_FLAGS: Mapping[object, bool] = {None: False, "": False, "true": True, "false": False}


def flag(fields: Mapping[str, Any], name: str) -> bool:
    """Return a boolean that JSON gives as such and forms as text; absent is False.

    Raises:
        GatewayError(invalid_request): anything else.
    """
    value = fields.get(name)
    if isinstance(value, bool):
        return value
    known = value.strip().lower() if isinstance(value, str) else value
    if known is None or (isinstance(known, str) and known in _FLAGS):
        return _FLAGS[known]
    raise GatewayError(
        ErrorKind.INVALID_REQUEST, f"'{name}' is {str(value)[:80]!r}; true or false is allowed.", param=name
    )
