"""Print tables, documents and times so that people and programs can read them."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

import typer

NONE = "-"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return aligned columns; nothing is cut off, whatever the width of the terminal."""
    lines = [tuple(title.upper() for title in head), *(tuple(cell or NONE for cell in row) for row in rows)]
    widths = [max(_width(line[index]) for line in lines) for index in range(len(head))]
    return "\n".join(
        "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def document(value: object) -> None:
    """Print one JSON document on standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def note(text: str) -> None:
    """Print something that is no result: on standard error."""
    typer.echo(text, err=True)


def moment(at_s: float | None) -> str:
    """Return a time for people, in UTC."""
    if at_s is None:
        return NONE
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def ago(at_s: float | None, now_s: float) -> str:
    """Return how long ago it was, roughly."""
    if at_s is None:
        return "never"
    past_s = max(0.0, now_s - at_s)
    for unit, length_s in (("d", 86_400), ("h", 3600), ("min", 60)):
        if past_s >= length_s:
            return f"{past_s / length_s:.0f} {unit} ago"
    return "just now"


def mask_email(email: str | None) -> str:
    """Return the address with most of its name hidden: ``a***@example.org``."""
    if not email:
        return NONE
    name, at, host = email.rpartition("@")
    return f"{name[:1]}***{at}{host}" if at else "***"


def plural(number: int, one: str) -> str:
    """Return ``1 account``, ``2 accounts``."""
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
