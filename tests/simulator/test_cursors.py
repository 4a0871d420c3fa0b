"""Cursors are opaque and come back as they were."""

from __future__ import annotations

import pytest

from sora_gateway.simulator.cursors import cursor_of, read_cursor
from sora_gateway.simulator.errors import RefusalError


def test_round_trip() -> None:
    """A place in a list survives; no cursor is the beginning."""
    assert read_cursor(cursor_of((1.5, "task_1"))) == (1.5, "task_1")
    assert read_cursor(None) is None
    assert read_cursor("") is None


@pytest.mark.parametrize("text", ["x", "e30=", "eyJrIjpbMV19", "!!!"])
def test_strange_cursors(text: str) -> None:
    """Refused, whatever is wrong with them."""
    with pytest.raises(RefusalError):
        read_cursor(text)
