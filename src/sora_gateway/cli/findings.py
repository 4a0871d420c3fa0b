"""Say what was found out about a part of an installation."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of ``doctor``; ``advice`` is what to do, where something is to be done."""

    level: Level
    what: str
    text: str
    advice: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as ``--json`` shows it."""
        return asdict(self)


def ok(what: str, text: str) -> Finding:
    """Return that all is well."""
    return Finding(level=Level.OK, what=what, text=text)


def warning(what: str, text: str, advice: str) -> Finding:
    """Return that it works, but."""
    return Finding(level=Level.WARNING, what=what, text=text, advice=advice)


def problem(what: str, text: str, advice: str) -> Finding:
    """Return that it does not work."""
    return Finding(level=Level.PROBLEM, what=what, text=text, advice=advice)
