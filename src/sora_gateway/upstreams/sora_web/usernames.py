"""Choose usernames of characters. Pure but for chance.

Source: Sora web protocol, sections 3.5 (lower-case letters, digits, ``_``; about 20 characters) and 9.4 (the
last part of the backend's hint and three digits).
"""

from __future__ import annotations

import re
import secrets

_MOST_CHARS = 20
_FALLBACK = "character"
_DIGITS = (3, 3, 5, 5, 7)


def stem(name: str | None, hint: str | None) -> str:
    """Return what a username begins with: the caller's ``name``, else the last part of ``hint``."""
    for text in (name, (hint or "").rpartition(".")[2]):
        letters = re.sub(r"[^a-z0-9_]+", "", (text or "").lower())
        if letters.strip("_"):
            return letters
    return _FALLBACK


def candidates(start: str) -> list[str]:
    """Return usernames to try, one after the other; later ones are less likely to be taken."""
    return [f"{start[: _MOST_CHARS - count]}{_random(count)}" for count in _DIGITS]


def _random(digits: int) -> str:
    return f"{secrets.randbelow(10**digits):0{digits}d}"
