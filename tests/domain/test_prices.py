"""What results cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.domain.media import Aspect, MediaKind
from sora_gateway.domain.model_names import parse_model_name
from sora_gateway.domain.prices import DEFAULT_PRICES, cost, full_name, read_prices, units_of
from sora_gateway.domain.requests import GenerationRequest
from tests.domain.samples import IMAGE, PRO, VIDEO


@pytest.mark.parametrize(
    ("request_", "units"),
    [
        (IMAGE, 1),
        (replace(IMAGE, n=4), 4),
        (VIDEO, 1),
        (replace(VIDEO, duration_s=5), 1),
        (replace(VIDEO, duration_s=15), 2),
        (replace(VIDEO, duration_s=20), 4),
        (replace(VIDEO, duration_s=25), 4),
        (PRO, 2),
        (replace(PRO, duration_s=25), 12),
        (replace(PRO, hd=True), 5),
        (replace(PRO, hd=True, duration_s=15), 10),
        (replace(VIDEO, duration_s=60), 4),
        (replace(VIDEO, duration_s=None), 1),
        (replace(VIDEO, kind=MediaKind.CHARACTER), 0),
    ],
)
def test_cost(request_: GenerationRequest, units: int) -> None:
    """By duration, Pro and HD; between two rows the longer one counts, beyond the last the last."""
    assert cost(request_) == units


def test_the_operators_prices_go_before_ours() -> None:
    """The first pattern that fits counts; what none of them fits costs as ever."""
    prices = read_prices(
        {"sora_image-square": 3, "sora_video2-*-hd*": {"10": 8, "15": 16}, "*-landscape-*": 0}
    )
    hd = replace(PRO, hd=True)
    assert cost(replace(IMAGE, n=2), prices) == 6
    assert cost(replace(IMAGE, aspect=Aspect.PORTRAIT), prices) == 1
    assert [cost(replace(hd, duration_s=s), prices) for s in (10, 12, 15)] == [8, 16, 16]
    assert cost(replace(hd, aspect=Aspect.LANDSCAPE), prices) == 8
    assert cost(replace(VIDEO, aspect=Aspect.LANDSCAPE), prices) == 0
    assert (cost(VIDEO, prices), cost(PRO, prices)) == (1, 2)


def test_a_storyboard_can_have_a_price() -> None:
    """Every part of the full name can be told apart."""
    prices = read_prices({"*-15s-storyboard": 9})
    board = replace(VIDEO, storyboard=True)
    assert (cost(board, prices), cost(replace(board, duration_s=15), prices)) == (1, 9)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"sora_video2": 3}, "'sora_video2' fits no model; names are like"),
        ({"sora_[iv]*": 3}, "fits no model"),
        ({"": 3}, "fits no model"),
        ({"sora_image*": "3"}, "costs '3'; a whole number up to 10000 is needed"),
        ({"sora_image*": -1}, "costs -1"),
        ({"sora_image*": 1.5}, "costs 1.5"),
        ({"sora_image*": True}, "costs true"),
        ({"sora_image*": None}, "costs None"),
        ({"sora_image*": 10_001}, "costs 10001"),
        ({"sora_*": {"10": 1}}, "fits images, which have no seconds"),
        ({"sora_video*": {}}, "has no price"),
        ({"sora_video*": {"ten": 1}}, "a price for 'ten'; a number of seconds is needed"),
        ({"sora_video*": {"0": 1}}, "a price for '0'"),
        ({"sora_video*": {"10": "1"}}, "costs '1'"),
    ],
)
def test_a_bad_table_is_explained(table: dict[str, object], words: str) -> None:
    """Which entry is wrong, and what would be right."""
    with pytest.raises(ValueError, match=r".") as caught:
        read_prices(table)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "full"),
    [
        ("sora_image", "sora_image-square"),
        ("gpt-image-landscape", "sora_image-landscape"),
        ("sora_video", "sora_video-portrait-10s"),
        ("sora-2-pro", "sora_video2-portrait-10s-pro"),
        ("sora_video2-storyboard-hd-15s-landscape", "sora_video2-landscape-15s-hd-storyboard"),
    ],
)
def test_full_name(asked: str, full: str) -> None:
    """Defaults are said."""
    assert full_name(parse_model_name(asked)) == full


@pytest.mark.parametrize(
    ("asked", "units"),
    [
        ("sora_image", 1),
        ("sora_video", {"5": 1, "10": 1, "15": 2, "20": 4}),
        ("sora_video2", {"10": 1, "15": 2, "25": 4}),
        ("sora_video2-hd", {"10": 5, "15": 10}),
        ("sora_video2-25s-pro", {"25": 12}),
    ],
)
def test_units_of(asked: str, units: object) -> None:
    """What a model's results cost, by the durations that it makes."""
    assert units_of(parse_model_name(asked), DEFAULT_PRICES) == units
