"""What a frame shows: its part's text, who takes part, small print, borrowed colours."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from sora_gateway.simulator.parts import Part
from sora_gateway.simulator.scenery import Guest, VideoSpec, panel_of, scene_of, spec_at
from tests.simulator.conftest import colour_of, distance, picture

SPEC = VideoSpec(prompt="a boat", seconds=6, width_px=360, height_px=640)
PARTS = (Part(prompt="a fox", seconds=2, note="shot 1 of 2"), Part(prompt="it runs", seconds=2))
_SKY = (0.0, 0.0, 0.03, 0.01)


def _share(image: Image.Image, colour: tuple[int, int, int]) -> float:
    pixels = list(image.get_flattened_data())
    return sum(distance(pixel, colour) < 12 for pixel in pixels) / len(pixels)


def test_a_part_takes_the_place_of_the_prompt() -> None:
    """Each second is a spec of its own; the last part is held."""
    spec = replace(SPEC, parts=PARTS, captions=("remix of s_1",))
    shown = [spec_at(spec, second) for second in range(6)]
    assert [item.prompt for item in shown] == ["a fox"] * 2 + ["it runs"] * 4
    assert shown[0].captions == ("shot 1 of 2", "remix of s_1")
    assert shown[2].captions == ("remix of s_1",)
    assert shown[0] == shown[1]
    assert spec_at(SPEC, 3) is SPEC


def test_the_steps_below_have_the_colours_of_their_parts() -> None:
    """So one sees where the cut is."""
    panels = panel_of(replace(SPEC, parts=PARTS), 5), panel_of(SPEC, 5)
    counts = [
        len({panel.getpixel((x, y)) for x in range(20, 340) for y in range(panel.height)}) for panel in panels
    ]
    assert counts[0] > counts[1]


@pytest.mark.parametrize("size", [(360, 640), (640, 360), (170, 302)])
def test_guests_are_chips(size: tuple[int, int]) -> None:
    """One for each, the avatar as it was uploaded; names that are too long for one row take several."""
    guests = tuple(
        Guest(name=f"{colour}_with_a_long_name"[:20], picture=picture(colour))
        for colour in ("red", "blue", "lime")
    )
    spec = replace(SPEC, width_px=size[0], height_px=size[1])
    plain, scene = scene_of(spec), scene_of(replace(spec, guests=guests))
    for colour in ((255, 0, 0), (0, 0, 255), (0, 255, 0)):
        assert _share(plain, colour) == 0
        assert _share(scene, colour) > 0.002


def test_captions_are_small_print() -> None:
    """They change the lower part of the picture only, and are cut to one line."""
    box = (0, 0, 360, 200)
    plain = scene_of(SPEC)
    scene = scene_of(replace(SPEC, captions=("remix of s_1", "x" * 999, "")))
    assert scene != plain
    assert scene.crop(box).tobytes() == plain.crop(box).tobytes()


def test_a_look_is_borrowed() -> None:
    """Another prompt with the colours of the first."""
    other = replace(SPEC, prompt="a whale")
    sky = [colour_of(scene_of(spec), _SKY) for spec in (SPEC, replace(other, look=("a boat", 0)), other)]
    assert distance(sky[0], sky[1]) < 3
    assert distance(sky[0], sky[2]) > 10


@pytest.mark.parametrize("size", [(2, 2), (64, 36), (16, 160)])
def test_no_frame_is_too_small(size: tuple[int, int]) -> None:
    """Chips and small print never fail, they only cannot be read."""
    guests = tuple(Guest(name="x" * 20, picture=picture()) for _ in range(3))
    spec = replace(
        SPEC,
        width_px=size[0],
        height_px=size[1],
        guests=guests,
        captions=("remix",),
        first_frame=picture(),
        parts=PARTS,
        watermark=True,
    )
    scene = scene_of(spec_at(spec, 0))
    file = io.BytesIO()
    scene.save(file, "png")
    assert scene.size == size
