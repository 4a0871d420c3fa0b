"""Read numbers and booleans as JSON, forms and queries give them, and show values in messages."""

from __future__ import annotations

import re
from collections.abc import Iterable

_BOOLEANS = {"true": True, "false": False}
_WHOLE = re.compile(r"\s*([+-]?\d{1,9})(?:\.0*)?\s*", re.ASCII)
_SHOWN = 80
_MAX_BITS = 256


def boolean(value: object) -> bool | None:
    """Return a boolean given as such, or as ``true`` or ``false`` in any case; None for anything else.

    Numbers are no booleans: ``1`` may as well be a count that went into the wrong field.
    """
    if isinstance(value, bool):
        return value
    return _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else None


def whole(value: object) -> int | None:
    """Return a whole number given as such (10, 10.0) or as text; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    match = _WHOLE.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) if match else None


def plain(value: object) -> object:
    """Return something that is equal for two spellings of one value, typed or as text."""
    flag = boolean(value)
    if flag is not None:
        return ("boolean", flag)
    number = whole(value)
    if number is not None:
        return ("whole", number)
    return value.strip() if isinstance(value, str) else value


def show(value: object) -> str:
    """Return ``value`` for a message: text in quotes, JSON's spelling of booleans, at most 80 characters."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        return "a very large number"
    text = value if isinstance(value, str) else repr(value)
    if len(text) > _SHOWN:
        text = f"{text[:_SHOWN]}..."
    return f"'{text}'" if isinstance(value, str) else text


def listed(values: Iterable[object]) -> str:
    """Return the values for a message, separated by commas."""
    return ", ".join(str(value) for value in values)
