"""Legal combinations, prices and pixels (Sora web protocol, sections 3.3, 5.1, 6.1)."""

from __future__ import annotations

import pytest

from sora_gateway.simulator.bodies import VideoBody, parse
from sora_gateway.simulator.errors import RefusalError
from sora_gateway.simulator.rules import (
    can_extend,
    check_text,
    extension_price,
    image_pixels,
    storyboard_parts,
    video_pixels,
    video_price,
    video_seconds,
)
from sora_gateway.simulator.scenario import Extensions
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


@pytest.mark.parametrize(
    ("durations", "held"), [((10.0,), 10.0), ((4.0, 2.5), 6.0), ((3.333, 3.333, 3.334), 3.334)]
)
def test_storyboards_may_be_shorter(durations: tuple[float, ...], held: float) -> None:
    """Section 6.5: nobody checks the sum; the last shot is held to the end."""
    shots = [
        f"Shot {number}:\nduration: {seconds}sec\nScene: x"
        for number, seconds in enumerate(durations, start=1)
    ]
    parts = storyboard_parts(parse(VideoBody, video_body(prompt="\n\n".join(shots))))
    assert len(parts) == len(durations)
    assert parts[-1].seconds == pytest.approx(held)


def test_storyboards_that_cannot_be_shown() -> None:
    """No shot at all, or shots that nobody would see."""
    for prompt in ("a fox", "Shot 1:\nduration: 10.5sec\nScene: x"):
        with pytest.raises(RefusalError):
            storyboard_parts(parse(VideoBody, video_body(prompt=prompt)))


def test_extensions() -> None:
    """Prices by the seconds added, up to the longest video."""
    rules = Extensions(prices={10: 1, 15: 2}, longest_s=30)
    assert [can_extend(seconds, rules) for seconds in (10, 20, 21)] == [True, True, False]
    assert extension_price(15, 15, rules) == 2
    for seconds, added in ((20, 15), (10, 5)):
        with pytest.raises(RefusalError):
            extension_price(seconds, added, rules)
