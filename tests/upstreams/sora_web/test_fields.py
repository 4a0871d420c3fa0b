"""Tolerant fields: what is not understood counts as not said."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.upstreams.sora_web.fields import (
    Flag,
    Integer,
    Moment,
    Number,
    Text,
    as_object,
    as_objects,
    is_post,
    path_part,
)


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


def test_ids_as_parts_of_paths() -> None:
    """Whatever an id holds, it stays one part of the path; what cannot be one is refused."""
    assert path_part("gen_01kq") == "gen_01kq"
    assert path_part("../a b?c#d") == "..%2Fa%20b%3Fc%23d"
    for odd in ("", ".", ".."):
        with pytest.raises(GatewayError) as caught:
            path_part(odd)
        assert caught.value.kind is ErrorKind.UNSUPPORTED


def test_which_ids_are_posts() -> None:
    """Section 0.3."""
    assert is_post("s_69d0a7c4")
    assert not any(map(is_post, ("gen_01kq", "", None)))
