"""Pieces of the list, asked for."""

from __future__ import annotations

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.surfaces.anthropic.models.translate import Window, translate_window


@pytest.mark.parametrize(
    ("query", "window"),
    [
        ({}, Window()),
        ({"limit": "", "after_id": ""}, Window()),
        ({"limit": "1"}, Window(limit=1)),
        ({"limit": "1000", "after_id": "a"}, Window(limit=1000, after_id="a")),
        ({"before_id": "b", "other": "x"}, Window(before_id="b")),
    ],
)
def test_window(query: dict[str, str], window: Window) -> None:
    """From the beginning, 20 at a time, unless asked otherwise."""
    assert translate_window(query) == window
    assert Window().limit == 20


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"after_id": "a", "before_id": "b"}, "before_id"),
    ],
)
def test_refused(query: dict[str, str], param: str) -> None:
    """Nothing is clamped."""
    with pytest.raises(GatewayError) as caught:
        translate_window(query)
    assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, param)
