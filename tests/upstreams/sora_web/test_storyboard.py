"""The timeline of a storyboard: what callers write, what the backend reads."""

from __future__ import annotations

import pytest

from sora_gateway.upstreams.sora_web.storyboard import fault, timeline

Shots = tuple[tuple[float, str], ...]


@pytest.mark.parametrize(
    ("prompt", "shots", "instructions"),
    [
        ("a fox", ((10.0, "a fox"),), ""),
        ("[5.0s]a fox [5.0s]it runs", ((5.0, "a fox"), (5.0, "it runs")), ""),
        ("quiet\n[2.5s] a fox\n[7s]it runs ", ((2.5, "a fox"), (7.0, "it runs")), "quiet"),
        ("[note] a fox", ((10.0, "[note] a fox"),), ""),
        ("x [ 3 s ]y", ((3.0, "y"),), "x"),
    ],
)
def test_what_a_prompt_says(prompt: str, shots: Shots, instructions: str) -> None:
    """Brackets begin shots; what stands before the first holds for all; without any there is one shot."""
    found = timeline(prompt, 10)
    assert (found.shots, found.instructions) == (shots, instructions)


def test_the_text_of_the_document() -> None:
    """Section 6.5: numbered shots, decimal seconds, an empty line between, the instructions last."""
    prompt = "quiet, hand-drawn look [5.0s]a fox wakes up under snow [5.0s]it shakes and runs into the pines"
    assert timeline(prompt, 10).text() == (
        "current timeline:\n"
        "Shot 1:\nduration: 5.0sec\nScene: a fox wakes up under snow\n\n"
        "Shot 2:\nduration: 5.0sec\nScene: it shakes and runs into the pines\n\n"
        "instructions:\nquiet, hand-drawn look"
    )
    assert timeline("a fox", 10).text() == "current timeline:\nShot 1:\nduration: 10.0sec\nScene: a fox"


@pytest.mark.parametrize(
    ("prompt", "word"),
    [
        ("a fox", None),
        ("[4.5s]a [5.5s]b", None),
        ("[1s]a", None),
        ("[6s]a [6s]b", "12 s"),
        ("[0s]a", "Shot 1"),
        ("[1s]a [1s] ", "Shot 2"),
    ],
)
def test_what_is_wrong_with_a_timeline(prompt: str, word: str | None) -> None:
    """Shots have a text and a length, and fit into the video."""
    said = fault(prompt, 10)
    assert (said is None) if word is None else (said is not None and word in said)
