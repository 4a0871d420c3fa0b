"""How many days are asked for."""

from __future__ import annotations

import pytest

from sora_gateway.domain.errors import GatewayError
from sora_gateway.surfaces.openai.usage.translate import translate_days


@pytest.mark.parametrize(("query", "days"), [({}, 30), ({"days": "1"}, 1), ({"days": "400"}, 400)])
def test_days(query: dict[str, str], days: int) -> None:
    """Thirty, if nothing is said."""
    assert translate_days(query) == days


@pytest.mark.parametrize("text", ["0", "401", "-1", "1.5", "many", ""])
def test_refused(text: str) -> None:
    """The message says what is allowed."""
    with pytest.raises(GatewayError, match="1 to 400") as caught:
        translate_days({"days": text})
    assert caught.value.param == "days"
