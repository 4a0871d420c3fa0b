"""Tolerant fields for the models of ``wire``, where what is not understood counts as not said; ids."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BeforeValidator, Field

from sora_gateway.domain.errors import ErrorKind, GatewayError

_ID = "[!-~]{1,256}"
"""What can be the id of a task or a result: a job is bound to nothing else."""


def text(value: Any) -> str | None:
    """Return ``value`` if it is a text with something in it; a half of a character in it becomes ``?``."""
    if not isinstance(value, str) or not value:
        return None
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def identifier(value: Any) -> str | None:
    """Return ``value`` if it can be the id of a task or a result."""
    return value if isinstance(value, str) and re.fullmatch(_ID, value) else None


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


def with_id(value: Any, first: str, second: str) -> Any:
    """Return the object ``value`` with its id under the name ``first``, if it stands under ``second``."""
    if isinstance(value, dict) and not identifier(value.get(first)) and identifier(value.get(second)):
        return {**value, first: value[second]}
    return value


def is_deeper(value: Any, levels: int) -> bool:
    """Tell whether lists and objects lie in each other more than ``levels`` deep."""
    inner: list[Any] = [value]
    for _ in range(levels + 1):
        outer = [it for it in inner if isinstance(it, dict | list)]
        if not outer:
            return False
        inner = [part for it in outer for part in (it.values() if isinstance(it, dict) else it)]
    return True


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


Id = Annotated[str, Field(pattern=f"^{_ID}$")]
IdOrNone = Annotated[str | None, BeforeValidator(identifier)]
Text = Annotated[str | None, BeforeValidator(text)]
Number = Annotated[float | None, BeforeValidator(number)]
Integer = Annotated[int | None, BeforeValidator(_integer)]
Moment = Annotated[float | None, BeforeValidator(_moment)]
Flag = Annotated[bool, BeforeValidator(lambda value: value is True)]
