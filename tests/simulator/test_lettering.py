"""Prompts of any script are broken into lines that fit, and every character stays readable."""

import pytest
from PIL import Image, ImageChops

from sora_gateway.simulator.lettering import FONT_FILES, LINE_HEIGHT, Typeface, cleaned

BARE = Typeface(())  # a machine without any font of its own


def drawn(face: Typeface, text: str) -> Image.Image:
    image = Image.new("RGB", (400, 80))
    face.draw(image, (10, 60), text, 48, (255, 255, 255))
    return image


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("  a\n\n b\t\tc ", "a b c"),
        ("a\x00b\x1b", "a b"),
        ("e\u0301", "é"),
        ("👩‍🚀️!", "👩🚀!"),
        ("x" * 5_000, "x" * 1_200 + "…"),
    ],
)
def test_a_prompt_is_cleaned(prompt: str, text: str) -> None:
    """One line, no characters that show nothing, no more than can be read."""
    assert cleaned(prompt) == text


@pytest.mark.parametrize(
    "text", ["a paper boat " * 30, "雨后的街道，霓虹灯。" * 20, "x" * 400, "雨 rain 雨" * 30]
)
def test_lines_are_as_wide_as_allowed_and_nothing_is_lost(text: str) -> None:
    """Words stay whole where they fit; a Chinese line may break anywhere but before its punctuation."""
    lines = BARE.wrap(text, 9)
    assert all(BARE.advance_em(line) <= 10 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert not any(line.startswith(("，", "。")) for line in lines)


def test_the_type_is_as_large_as_the_box_allows() -> None:
    """A short prompt gets the largest size, a long one the smallest and an ellipsis."""
    assert BARE.fit("boat", 600, 400, (20, 80)) == (80, ["boat"])
    size, lines = BARE.fit("a paper boat " * 90, 600, 400, (20, 80))
    assert size == 20
    assert lines[-1].endswith("…")
    assert len(lines) * size * LINE_HEIGHT <= 400
    size, lines = BARE.fit("a paper boat " * 8, 600, 400, (20, 80))
    assert 20 < size < 80
    assert len(lines) * size * LINE_HEIGHT <= 400


def test_a_character_without_a_font_shows_its_code_point() -> None:
    """Two characters never look alike, as empty boxes would."""
    assert not BARE.has("雨")
    assert BARE.has("rain, Regen, pluie")
    pictures = [drawn(BARE, character) for character in "雨云🚢\ud800\uffff"]
    for index, picture in enumerate(pictures):
        assert picture.getbbox() is not None
        assert all(ImageChops.difference(picture, other).getbbox() for other in pictures[:index])


def test_plainer_letters_are_preferred_to_code_points() -> None:
    """European languages and punctuation stay legible; what has no plain form is left alone."""
    assert BARE.spelled("Crème brûlée — straße，Ｆin。雨 ①") == "Creme brulee - strasse,Fin.雨 1"


@pytest.mark.skipif(not Typeface().has("雨"), reason="no CJK font on this machine")
def test_a_system_font_is_used_where_there_is_one() -> None:
    """Chinese is then drawn in strokes, the Latin letters stay as they are."""
    assert drawn(Typeface(), "雨").tobytes() != drawn(BARE, "雨").tobytes()
    assert drawn(Typeface(), "rain").tobytes() == drawn(BARE, "rain").tobytes()


def test_font_files_are_absolute() -> None:
    """What is drawn does not depend on the working directory."""
    assert all(file.startswith(("/", "C:/")) for file, _ in FONT_FILES)
