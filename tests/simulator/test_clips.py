"""Clips are read for what they are (Sora web protocol, sections 4.3 and 9.2)."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from sora_gateway.simulator.clips import check_timestamps, inspect_clip, read_timestamps, square_at
from sora_gateway.simulator.errors import RefusalError
from tests.simulator.conftest import clip, picture


def test_facts_of_a_clip() -> None:
    """Its length, and the texts that the file carries."""
    assert inspect_clip(clip()).seconds == pytest.approx(4)
    assert "cat [person]" in inspect_clip(clip(title="cat [person]")).texts


@pytest.mark.parametrize("data", [b"", b"nonsense", picture(), clip()[:400], clip()[: len(clip()) // 20]])
def test_what_is_no_video(data: bytes) -> None:
    """Nonsense, a picture and the torn beginning of a clip are refused."""
    with pytest.raises(RefusalError, match="no MP4 video"):
        inspect_clip(data)


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "a,b", "1;2"])
def test_timestamps_are_two_numbers(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(RefusalError, match="two numbers"):
        read_timestamps(text)


@pytest.mark.parametrize(("start", "end"), [(0, 3), (0.5, 1.5), (1, 4)])
def test_pieces_that_fit(start: float, end: float) -> None:
    """1 to 3 seconds inside a clip of four."""
    check_timestamps(start, end, 4.0)


@pytest.mark.parametrize(
    ("start", "end"), [(0, 0.9), (0, 3.1), (2, 1), (2, 4.5), (-1, 1), (float("nan"), 2), (0, float("inf"))]
)
def test_pieces_that_do_not(start: float, end: float) -> None:
    """Too short, too long, backwards, outside, no numbers."""
    with pytest.raises(RefusalError):
        check_timestamps(start, end, 4.0)


def test_a_frame_becomes_a_square_picture(tmp_path: Path) -> None:
    """From the moment asked for; a moment after the end is an error."""
    path = tmp_path / "clip"
    path.write_bytes(clip())
    early, late = (Image.open(io.BytesIO(square_at(path, at))) for at in (0.0, 3.5))
    assert (early.format, early.size) == ("WEBP", (96, 96))
    assert early.tobytes() != late.tobytes()
    with pytest.raises(ValueError, match="no frame"):
        square_at(path, 9.0)
