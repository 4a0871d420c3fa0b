"""Values as JSON, forms and queries give them."""

from __future__ import annotations

import math

import pytest

from sora_gateway.domain.values import boolean, listed, plain, show, whole


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((True, True), (False, False), ("true", True), ("FALSE", False), (" True ", True)),
        *((1, None), (0, None), ("1", None), ("yes", None), ("", None), (None, None), ([], None)),
    ],
)
def test_boolean(value: object, expected: bool | None) -> None:
    """True and false in any case; numbers and other words are no booleans."""
    assert boolean(value) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((10, 10), (10.0, 10), ("10", 10), (" 10 ", 10), ("10.0", 10), ("+4", 4), ("-1", -1), ("0010", 10)),
        *((10.5, None), ("10.5", None), ("10s", None), ("", None), ("ten", None), (True, None), (None, None)),
        *((math.inf, None), (math.nan, None), ("1e1", None), ("١٠", None), ("9" * 5000, None), ([10], None)),
    ],
)
def test_whole(value: object, expected: int | None) -> None:
    """Whole numbers however they are written, nothing else."""
    assert whole(value) == expected


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        *((10, "10", True), (10.0, "10", True), (True, "true", True), ("a", " a ", True), ([1], [1], True)),
        *((10, "15", False), (True, 1, False), (False, 0, False), ("true", "1", False), ("a", "b", False)),
    ],
)
def test_plain(one: object, other: object, is_same: bool) -> None:
    """Two spellings of one value are equal, two values never."""
    assert (plain(one) == plain(other)) is is_same


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a b", "'a b'"),
        (True, "true"),
        (30, "30"),
        (1.5, "1.5"),
        ([1], "[1]"),
        ("x" * 200, f"'{'x' * 80}...'"),
        (10**100, "a very large number"),
    ],
)
def test_show(value: object, expected: str) -> None:
    """A message shows the value, and never very much of it."""
    assert show(value) == expected


def test_listed() -> None:
    """Allowed values stand in a row."""
    assert listed((10, 15, 25)) == "10, 15, 25"
