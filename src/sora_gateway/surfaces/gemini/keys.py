"""Read keys in either spelling: SDKs mix ``inlineData`` and ``mime_type`` in one request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.values import show

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")
_BREAK = re.compile(r"_([a-z0-9])")


def snake(name: str) -> str:
    """Return ``mimeType`` as ``mime_type``; a name in that spelling comes back as it is."""
    return _HUMP.sub(lambda match: f"_{match[1].lower()}", name)


def camel(name: str) -> str:
    """Return ``mime_type`` as ``mimeType``, the spelling of Google's reference."""
    return _BREAK.sub(lambda match: match[1].upper(), name)


def snaked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``fields`` with all keys in snake case, at every depth; None counts as absent.

    Raises:
        GatewayError(invalid_request): a key is there in both spellings, with different values.
    """
    read: dict[str, Any] = {}
    for name, value in fields.items():
        key, plain = snake(name), _snaked(value)
        if key in read and plain is not None and read[key] != plain:
            message = f"'{camel(key)}' is given in two spellings, as {show(read[key])} and {show(plain)}."
            raise GatewayError(ErrorKind.INVALID_REQUEST, message, param=camel(key))
        if plain is not None:
            read[key] = plain
    return read


def _snaked(value: Any) -> Any:
    if isinstance(value, dict):
        return snaked(value)
    return [_snaked(item) for item in value] if isinstance(value, list) else value
