"""Which usernames characters get."""

from __future__ import annotations

import re

import pytest

from sora_gateway.upstreams.sora_web.usernames import candidates, stem


@pytest.mark.parametrize(
    ("name", "hint", "expected"),
    [
        (None, "poolseven.rusty", "rusty"),
        (None, "rusty", "rusty"),
        ("Old Tom!", "poolseven.rusty", "oldtom"),
        ("big_cat", None, "big_cat"),
        ("\u5c0f\u732b", "poolseven.rusty", "rusty"),
        ("__", "a.", "character"),
        (None, None, "character"),
    ],
)
def test_what_a_name_begins_with(name: str | None, hint: str | None, expected: str) -> None:
    """The caller's name, else the last part of the hint, in the letters that are allowed."""
    assert stem(name, hint) == expected


@pytest.mark.parametrize("start", ["rusty", "x" * 40, "a"])
def test_candidates_are_legal_and_different(start: str) -> None:
    """Sections 3.5 and 9.4: at most 20 characters, digits at the end, several to choose from."""
    names = candidates(start)
    assert len(set(names)) == len(names) > 3
    assert all(re.fullmatch(r"[a-z0-9_]{1,20}", name) for name in names)
    assert all(name.startswith(start[:13]) and name[-3:].isdecimal() for name in names)
