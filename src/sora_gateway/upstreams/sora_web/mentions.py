"""Write the characters that a video shows into its prompt. Pure.

Source: Sora web protocol, section 9.6: ``@username`` followed by a blank; the backend resolves it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial


def with_mentions(prompt: str, names: Iterable[str]) -> str:
    """Return ``prompt`` with every one of ``names`` mentioned, those that it lacks in front."""
    missing = [name for name in dict.fromkeys(names) if not _mention(name).search(prompt)]
    return "".join(f"@{name} " for name in missing) + prompt


def spaced(prompt: str, names: Iterable[str]) -> str:
    """Return ``prompt`` with each mention of ``names`` as the backend reads it: lower case, a blank behind.

    A dot before a letter or a digit belongs to a longer name and ends no mention.
    """
    for name in dict.fromkeys(names):
        prompt = _mention(name).sub(partial(_as_written, name), prompt)
    return prompt


def _mention(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9_@.])@{re.escape(name)}(?![A-Za-z0-9_]|\.[A-Za-z0-9_])", re.IGNORECASE)


def _as_written(name: str, found: re.Match[str]) -> str:
    following = found.string[found.end() : found.end() + 1]
    return f"@{name}" if following.isspace() else f"@{name} "
