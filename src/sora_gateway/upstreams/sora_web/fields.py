"""Tolerant fields for the models of ``wire``, where what is not understood counts as not said; ids."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BeforeValidator

from sora_gateway.domain.errors import ErrorKind, GatewayError


def text(value: Any) -> str | None:
    """Return ``value`` if it is a text with something in it."""
    return value if isinstance(value, str) and value else None


def number(value: Any) -> float | None:
    """Return ``value`` as a finite number if it is one, or a text that shows one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        converted = float(value)
    except (ValueError, OverflowError):
        return None
    return converted if math.isfinite(converted) else None


def _integer(value: Any) -> int | None:
    whole = number(value)
    return None if whole is None else int(whole)


def _moment(value: Any) -> float | None:
    seconds = number(value)
    if seconds is not None or not isinstance(value, str):
        return seconds
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def as_object(value: Any) -> Any:
    """Return ``value`` if it is a JSON object."""
    return value if isinstance(value, dict) else None


def as_objects(value: Any) -> list[Any]:
    """Return the JSON objects in ``value``."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def is_post(identifier: str | None) -> bool:
    """Tell whether it is the id of a post (section 0.3), not that of a draft."""
    return identifier is not None and identifier.startswith("s_")


def path_part(identifier: str) -> str:
    """Return ``identifier`` so that it is one part of a path, whatever it holds.

    Raises:
        GatewayError(unsupported): it cannot be one.
    """
    if identifier in ("", ".", ".."):
        raise GatewayError(ErrorKind.UNSUPPORTED, f"The backend cannot be asked about {identifier!r}.")
    return quote(identifier, safe="")


Text = Annotated[str | None, BeforeValidator(text)]
Number = Annotated[float | None, BeforeValidator(number)]
Integer = Annotated[int | None, BeforeValidator(_integer)]
Moment = Annotated[float | None, BeforeValidator(_moment)]
Flag = Annotated[bool, BeforeValidator(lambda value: value is True)]
