"""A video's parts (Sora web protocol, sections 6.5 and 6.6)."""

from __future__ import annotations

import pytest

from sora_gateway.simulator.parts import Part, filled, part_at, shots_of

SHOTS = "Shot 1:\nduration: 2.5sec\nScene: a fox\nwakes up\n\nShot 2:\nduration: 5.0sec\nScene: it runs"


@pytest.mark.parametrize("head", ["", "current timeline:\n"])
def test_shots(head: str) -> None:
    """C11: with and without the first line; a scene may have several lines."""
    first, second = shots_of(head + SHOTS)
    assert (first.prompt, first.seconds, first.note) == ("a fox\nwakes up", 2.5, "shot 1 of 2, 2.5 s")
    assert (second.prompt, second.seconds, second.note) == ("it runs", 5.0, "shot 2 of 2, 5 s")


def test_instructions_belong_to_every_shot() -> None:
    """They are small print, and no part of the last scene."""
    shots = shots_of(SHOTS + "\n\ninstructions:\nquiet look")
    assert [shot.note.split(", ", 2)[2] for shot in shots] == ["quiet look"] * 2
    assert shots[1].prompt == "it runs"


@pytest.mark.parametrize(
    "prompt", ["", "a fox", "Shot 1:\nScene: a fox", "Shot 1:\nduration: xsec\nScene: a"]
)
def test_no_timeline(prompt: str) -> None:
    """A shot needs a duration and a scene."""
    assert shots_of(prompt) == ()


def test_who_fills_a_second() -> None:
    """The part in its middle; the last one is held."""
    parts = (Part(prompt="a", seconds=2.6), Part(prompt="b", seconds=2))
    assert "".join(part_at(parts, second).prompt for second in range(7)) == "aaabbbb"
    assert filled(parts, 10)[1].seconds == pytest.approx(7.4)
