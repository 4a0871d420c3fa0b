"""Words in a prompt decide its end."""

from __future__ import annotations

import pytest

from sora_gateway.simulator.outcomes import decide, huge_bytes
from sora_gateway.simulator.scenario import load_scenario


@pytest.mark.parametrize(
    ("prompt", "outcome"),
    [
        ("a boat", "success"),
        ("[violation] a boat", "violation"),
        ("a boat [error]", "error"),
        ("[fail-pending]", "fail_pending"),
        ("[late-url]", "late_url"),
        ("[refuse]", "refuse"),
        ("[unsafe]", "unsafe"),
    ],
)
@pytest.mark.parametrize("scenario", ["fast", "normal", "real"])
def test_documented_words(scenario: str, prompt: str, outcome: str) -> None:
    """Every packaged scenario knows them."""
    assert decide(prompt, load_scenario(scenario).directives)[0] == outcome


@pytest.mark.parametrize(
    ("prompt", "size"),
    [("[huge:200] x", 200_000_000), ("x", 0), ("[huge:]", 0), ("[huge:-1]", 0), ("huge:2", 0)],
)
def test_huge(prompt: str, size: int) -> None:
    """The number is in megabytes."""
    assert huge_bytes(prompt, "huge") == size
