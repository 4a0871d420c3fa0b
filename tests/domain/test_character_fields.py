"""The fields that ask for characters."""

from __future__ import annotations

import pytest

from sora_gateway.domain.character_fields import (
    NO_CHARACTERS,
    CharacterWish,
    asks_for_characters,
    character_wish,
    check_inside,
    read_name,
    read_timestamps,
)
from sora_gateway.domain.errors import GatewayError


@pytest.mark.parametrize(
    ("fields", "wish"),
    [
        ({}, NO_CHARACTERS),
        ({"character_create": "false", "character_timestamps": "0,3", "characters": []}, NO_CHARACTERS),
        ({"character_url": None, "character_from_task": "", "characters": None}, NO_CHARACTERS),
        ({"character_url": " https://a/b.mp4 "}, CharacterWish(url="https://a/b.mp4")),
        (
            {"character_from_task": "video_1", "character_timestamps": "1, 3.5"},
            CharacterWish(from_task="video_1", start_s=1.0, end_s=3.5),
        ),
        ({"character_create": "True"}, CharacterWish(creates=True)),
        (
            {"character_create": True, "character_url": "https://a", "character_timestamps": [2, 4]},
            CharacterWish(creates=True, url="https://a", start_s=2.0, end_s=4.0),
        ),
        (
            {"characters": [{"id": "character_1"}, "character_2", {"id": "character_1", "x": 1}]},
            CharacterWish(ids=("character_1", "character_2")),
        ),
        ({"characters": {"id": "character_1"}}, CharacterWish(ids=("character_1",))),
    ],
)
def test_wish(fields: dict[str, object], wish: CharacterWish) -> None:
    """Texts, objects and lists, as bodies and forms have them; empty and default ask for nothing."""
    assert character_wish(fields) == wish
    assert wish.is_asked == asks_for_characters(fields)
    assert wish.is_asked == (wish != NO_CHARACTERS)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"character_url": "https://a", "character_from_task": "video_1"}, "character_url"),
        ({"character_url": 7}, "character_url"),
        ({"character_url": "  "}, "character_url"),
        ({"character_from_task": ["video_1"]}, "character_from_task"),
        ({"character_create": "maybe"}, "character_create"),
        ({"character_create": 1}, "character_create"),
        ({"characters": [7]}, "characters"),
        ({"characters": [{"name": "x"}]}, "characters"),
        ({"characters": [{"id": ""}]}, "characters"),
        ({"character_timestamps": "1,3"}, "character_timestamps"),
        ({"character_timestamps": "1,3", "characters": ["character_1"]}, "character_timestamps"),
        ({"character_timestamps": "3", "character_create": True}, "character_timestamps"),
    ],
)
def test_refused(fields: dict[str, object], param: str) -> None:
    """By name; and whoever sends them asks for characters, right or wrong."""
    with pytest.raises(GatewayError) as caught:
        character_wish(fields)
    assert caught.value.param == param
    assert asks_for_characters(fields)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, (0, 3)),
        ("", (0, 3)),
        ("0,3", (0, 3)),
        (" 1 , 2 ", (1, 2)),
        ("0.5,3.25", (0.5, 3.25)),
        ([4, 6.5], (4, 6.5)),
    ],
)
def test_timestamps(value: object, seconds: tuple[float, float]) -> None:
    """Start and end."""
    assert read_timestamps(value, "timestamps") == seconds


@pytest.mark.parametrize(
    "value",
    [
        "3",
        "0,0.5",
        "0,3.5",
        "3,0",
        "0,3,6",
        "a,b",
        "-1,2",
        "0;3",
        3,
        [0],
        [True, 3],
        {"a": 1},
        "nan,3",
        "٠,٣",
    ],
)
def test_timestamps_refused(value: object) -> None:
    """Another form, or not 1 to 3 s apart."""
    with pytest.raises(GatewayError) as caught:
        read_timestamps(value, "timestamps")
    assert caught.value.param == "timestamps"


def test_inside_the_video() -> None:
    """A little more than the video lasts is rounding; the message says how long it is."""
    check_inside(0, 3, 2.96, "timestamps")
    with pytest.raises(GatewayError, match=r"0,3.*2\.5 seconds"):
        check_inside(0, 3, 2.5, "timestamps")


def test_name() -> None:
    """Up to 80 characters."""
    assert read_name(None) is None
    assert read_name("") is None
    assert read_name(" Rusty ") == "Rusty"
    assert read_name("猫" * 80) == "猫" * 80
    for value in ("x" * 81, "   ", 7):
        with pytest.raises(GatewayError) as caught:
            read_name(value)
        assert caught.value.param == "name"


def test_a_name_can_be_shown() -> None:
    """Control characters and those that turn the writing around are no part of it."""
    assert read_name(" 小红 Rusty ") == "小红 Rusty"
    for name in ("a\x00b", "a\u202eb", "a\nb"):
        with pytest.raises(GatewayError, match="cannot be shown"):
            read_name(name)
