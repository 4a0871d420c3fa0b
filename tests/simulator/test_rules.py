"""Legal combinations, prices and pixels (Sora web protocol, sections 3.3, 5.1, 6.1)."""

from __future__ import annotations

import pytest

from sora_gateway.simulator.bodies import VideoBody, parse
from sora_gateway.simulator.errors import RefusalError
from sora_gateway.simulator.rules import (
    check_storyboard,
    check_text,
    image_pixels,
    video_pixels,
    video_price,
    video_seconds,
)
from tests.simulator.conftest import scenario_of, video_body

LIMITS = scenario_of().limits


@pytest.mark.parametrize(
    ("model", "size", "prices"),
    [
        ("sy_8", "small", {5: 1, 10: 1, 15: 2, 25: 3}),
        ("sy_ore", "small", {5: 2, 10: 2, 15: 4, 25: 12}),
        ("sy_ore", "large", {5: 5, 10: 5, 15: 10}),
    ],
)
def test_prices(model: str, size: str, prices: dict[int, int]) -> None:
    """Row C of the table."""
    for seconds, price in prices.items():
        body = parse(VideoBody, video_body(model=model, size=size, n_frames=30 * seconds))
        assert video_price(body, "pro", LIMITS) == price


@pytest.mark.parametrize("frames", [0, -30, 1, 31])
def test_odd_frames(frames: int) -> None:
    """Whole seconds at 30 fps."""
    with pytest.raises(RefusalError):
        video_seconds(frames)


def test_pixels() -> None:
    """By size and orientation; what the scenario does not list is refused."""
    body = parse(VideoBody, video_body(size="large", orientation="landscape"))
    assert video_pixels(body, LIMITS).width_px == 1792
    with pytest.raises(RefusalError):
        video_pixels(parse(VideoBody, video_body(size="medium")), LIMITS)
    assert image_pixels(1000, 990, LIMITS).height_px == 1024
    assert image_pixels(300, 900, LIMITS).height_px == 1536


def test_text_limits() -> None:
    """A prompt limit only where the scenario has one."""
    check_text("x" * 10_000, "news", scenario_of())
    with pytest.raises(RefusalError, match="longer than 5"):
        check_text("x" * 6, None, scenario_of(limits={"max_prompt_chars": 5}))


def test_storyboard_without_instructions() -> None:
    """C11: the first line may be absent."""
    check_storyboard(parse(VideoBody, video_body(prompt="Shot 1:\nduration: 10.0sec\nScene: x")))
