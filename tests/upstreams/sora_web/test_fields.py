"""Tolerant fields: what is not understood counts as not said."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from sora_gateway.upstreams.sora_web.fields import Flag, Integer, Moment, Number, Text, as_object, as_objects


class Row(BaseModel):
    """One field of each kind."""

    text: Text = None
    number: Number = None
    integer: Integer = None
    moment: Moment = None
    flag: Flag = False


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("text", "x", "x"),
        ("text", "", None),
        ("text", 5, None),
        ("text", ["x"], None),
        ("number", 1, 1.0),
        ("number", "2.5", 2.5),
        ("number", True, None),
        ("number", "x", None),
        ("number", float("nan"), None),
        ("number", 10**400, None),
        ("number", {}, None),
        ("integer", 22.9, 22),
        ("integer", "300", 300),
        ("integer", None, None),
        ("moment", 1774606312.418, 1774606312.418),
        ("moment", "1774606312", 1774606312.0),
        ("moment", "2026-03-14T10:23:02.187411Z", 1773483782.187411),
        ("moment", "2026-03-14T11:23:02+01:00", 1773483782.0),
        ("moment", "2026-03-14T10:23:02", 1773483782.0),
        ("moment", "yesterday", None),
        ("flag", True, True),
        ("flag", "true", False),
        ("flag", None, False),
    ],
)
def test_fields(field: str, value: Any, expected: Any) -> None:
    """Each kind keeps what it understands and nothing else."""
    assert getattr(Row.model_validate({field: value}), field) == expected


def test_objects() -> None:
    """Only JSON objects are objects."""
    assert [as_object(value) for value in ({"a": 1}, [], "x", None)] == [{"a": 1}, None, None, None]
    assert as_objects([1, {}, None]) == [{}]
    assert as_objects({}) == []
