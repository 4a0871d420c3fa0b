"""Single values that shape an answer."""

from __future__ import annotations

import pytest

from sora_gateway.domain.errors import GatewayError
from sora_gateway.surfaces.openai.values import flag


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), (False, False), ("true", True), (" False ", False), (None, False), ("", False)],
)
def test_flag(value: object, expected: bool) -> None:
    """JSON's booleans and a form's texts."""
    assert flag({"stream": value}, "stream") is expected
    assert flag({}, "stream") is False


@pytest.mark.parametrize("value", ["yes", "1", 1, 0, [], {}])
def test_what_is_no_flag(value: object) -> None:
    """Refused by name."""
    with pytest.raises(GatewayError) as caught:
        flag({"stream": value}, "stream")
    assert caught.value.param == "stream"
