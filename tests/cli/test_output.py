"""Prove what people see: tables, times, masked addresses."""

from __future__ import annotations

import pytest

from sora_gateway.cli.output import ago, mask_email, moment, plural, table

NOW = 1_790_000_000.0


def test_table_aligns_and_cuts_nothing() -> None:
    """Columns are as wide as their widest cell, wide characters count double, empty cells are dashes."""
    text = table(("id", "name"), [("a" * 120, "x"), ("b", "纸船"), ("c", "")])
    lines = text.splitlines()
    assert lines[0] == "ID" + " " * 120 + "NAME"
    assert lines[1].startswith("a" * 120)
    assert [line.split()[-1] for line in lines[1:]] == ["x", "纸船", "-"]


@pytest.mark.parametrize(
    ("email", "shown"),
    [("ann@example.org", "a***@example.org"), ("a@b.c", "a***@b.c"), ("odd", "***"), (None, "-"), ("", "-")],
)
def test_mask_email(email: str | None, shown: str) -> None:
    """An address is recognisable, not readable."""
    assert mask_email(email) == shown


@pytest.mark.parametrize(
    ("past_s", "shown"),
    [(0, "just now"), (-5, "just now"), (180, "3 min ago"), (7300, "2 h ago"), (200_000, "2 d ago")],
)
def test_ago(past_s: float, shown: str) -> None:
    """Times are rough."""
    assert ago(NOW - past_s, NOW) == shown
    assert ago(None, NOW) == "never"


def test_moment_and_plural() -> None:
    """Times are in UTC; one is one."""
    assert moment(0) == "1970-01-01 00:00 UTC"
    assert moment(None) == "-"
    assert (plural(1, "job"), plural(2, "job")) == ("1 job", "2 jobs")
