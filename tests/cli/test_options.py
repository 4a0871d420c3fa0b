"""Prove how shared options are read."""

from __future__ import annotations

import pytest

from sora_gateway.cli.options import parse_length_s
from sora_gateway.cli.plain import CommandError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12h", 43_200), ("30d", 2_592_000), (" 8W ", 4_838_400), ("1y", 31_536_000)],
)
def test_lengths(text: str, seconds: float) -> None:
    """Hours, days, weeks and years are understood."""
    assert parse_length_s(text) == seconds


@pytest.mark.parametrize("text", ["", "0d", "30", "d", "-1d", "30m", "1.5d", "tomorrow"])
def test_no_lengths(text: str) -> None:
    """Everything else is refused with what would be right."""
    with pytest.raises(CommandError, match="30d") as caught:
        parse_length_s(text)
    assert caught.value.exit_code == 2
