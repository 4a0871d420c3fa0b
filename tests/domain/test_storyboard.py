"""Storyboards: prompts that are a timeline."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.storyboard import Shot, Storyboard, parse_storyboard


def shots(*pairs: tuple[float, str]) -> tuple[Shot, ...]:
    """Return shots of these durations and texts."""
    return tuple(Shot(duration_s=duration_s, text=text) for duration_s, text in pairs)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (
            "[5.0s]a fox wakes [5.0s]it runs",
            Storyboard(instructions="", shots=shots((5.0, "a fox wakes"), (5.0, "it runs"))),
        ),
        (
            "quiet, hand-drawn\n[2.5s] one\n[7.5 s] two\n",
            Storyboard(instructions="quiet, hand-drawn", shots=shots((2.5, "one"), (7.5, "two"))),
        ),
        ("[3s]short", Storyboard(instructions="", shots=shots((3.0, "short")))),
        (" a whole scene ", Storyboard(instructions="", shots=shots((10.0, "a whole scene")))),
        ("[Wide] a sign [EXIT]", Storyboard(instructions="", shots=shots((10.0, "[Wide] a sign [EXIT]")))),
        ("[10s]a sign [EXIT]", Storyboard(instructions="", shots=shots((10.0, "a sign [EXIT]")))),
        (
            "[0.1s]a[0.2s]b[9.7s]c",
            Storyboard(instructions="", shots=shots((0.1, "a"), (0.2, "b"), (9.7, "c"))),
        ),
    ],
)
def test_timelines(prompt: str, expected: Storyboard) -> None:
    """Text before the first bracket holds for all; no bracket is one shot; other brackets are text."""
    assert parse_storyboard(prompt, 10) == expected


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("[5.0s]a [5.1s]b", ["10 s", "shot 2 ends at 10.1 s"]),
        ("[11s]a", ["10 s", "shot 1"]),
        ("[" + "9" * 400 + "s]a", ["10 s"]),
        ("[5,0s]a", ["'[5,0s]'", "decimal point"]),
        ("[0s]a", ["'[0s]'"]),
        ("[0.0s]a", ["above 0"]),
        ("[-5s]a", ["'[-5s]'"]),
        ("[5]a", ["'[5]'", "[5.0s]"]),
        ("[5 sec]a", ["'[5 sec]'"]),
        ("[1.2.3s]a", ["'[1.2.3s]'"]),
        ("[.s]a", ["'[.s]'"]),
        ("[5S]a", ["'[5S]'"]),
        ("[5s]a [5s]", ["Shot 2", "no text"]),
        ("all [5s] [5s]b", ["Shot 1", "no text"]),
    ],
)
def test_refusals(prompt: str, words: list[str]) -> None:
    """A misspelled or surplus duration is refused, not taken for text or cut."""
    with pytest.raises(GatewayError) as caught:
        parse_storyboard(prompt, 10)
    assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, "prompt")
    assert all(word in caught.value.message for word in words), caught.value.message


@given(st.lists(st.integers(1, 100), min_size=1, max_size=12), st.text("abc é\n", max_size=5))
def test_what_fits_is_read_back(tenths: list[int], overall: str) -> None:
    """Durations are added exactly: tenths that make up the video's length always fit."""
    total = sum(tenths)
    prompt = overall + "".join(f"[{tenth / 10}s]shot {index} " for index, tenth in enumerate(tenths))
    if total % 10 == 0:
        board = parse_storyboard(prompt, total // 10)
        assert board.instructions == overall.strip()
        assert board.shots == shots(*((tenth / 10, f"shot {i}") for i, tenth in enumerate(tenths)))
    with pytest.raises(GatewayError):
        parse_storyboard(prompt, (total - 1) // 10)
