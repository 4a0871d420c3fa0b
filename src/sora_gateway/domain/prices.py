"""Say what results cost in units: a table of patterns of names, the operator's before ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import product

from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.model_names import TRAITS, Family, ModelName
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.domain.values import show, whole

MOST_UNITS = 10_000
"""Of one result."""

_PATTERN = re.compile(r"[a-z0-9_*-]+")
_LONGEST_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What results cost whose name fits ``pattern``: units by duration in seconds, in ascending order.

    A duration between two rows costs as the next longer one, beyond the last as that; what has no duration
    costs as the first.
    """

    pattern: str
    rows: tuple[tuple[int, int], ...]

    def units(self, duration_s: int | None) -> int:
        """Return the units of one result."""
        return next((units for row_s, units in self.rows if row_s >= (duration_s or 0)), self.rows[-1][1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """A price list. The first price whose pattern fits counts; there is one for every name."""

    prices: tuple[Price, ...]

    def of(self, name: str, duration_s: int | None) -> int:
        """Return the units of one result with the full name ``name``."""
        price = next(price for price in self.prices if fnmatchcase(name, price.pattern))
        return price.units(duration_s)


DEFAULT_PRICES = Prices(
    prices=(
        Price(pattern=f"{Family.IMAGE.value}*", rows=((0, 1),)),
        Price(pattern=f"{Family.VIDEO2.value}*-hd*", rows=((10, 5), (15, 10))),
        Price(pattern=f"{Family.VIDEO2.value}*-pro*", rows=((10, 2), (15, 4), (25, 12))),
        Price(pattern=f"{Family.VIDEO.value}*", rows=((10, 1), (15, 2), (25, 4))),
    )
)


def cost(request: GenerationRequest, prices: Prices = DEFAULT_PRICES) -> int:
    """Return the units that one job of ``request`` takes: every result of it counts, characters are free."""
    if request.kind is MediaKind.CHARACTER:
        return 0
    name = full_name(
        ModelName(
            family=request.family,
            orientation=request.aspect,
            duration_s=request.duration_s,
            hd=request.hd,
            pro=request.pro,
            storyboard=request.storyboard,
        )
    )
    return prices.of(name, request.duration_s) * request.n


def full_name(model: ModelName) -> str:
    """Return the name that says everything, defaults too: ``sora_video2-portrait-10s-pro-storyboard``.

    The order is that of canonical names, ``hd`` stands for ``pro`` too. An image has its shape alone.
    """
    traits = TRAITS[model.family]
    aspect = model.orientation or traits.default_aspect
    duration_s = model.duration_s or traits.default_duration_s
    words = [model.family.value, aspect.value, *([f"{duration_s}s"] if duration_s is not None else [])]
    words += ["hd"] if model.hd else ["pro"] if model.pro else []
    return "-".join((*words, "storyboard") if model.storyboard else words)


def units_of(model: ModelName, prices: Prices) -> int | dict[str, int]:
    """Return the units of one result of ``model``: of a video by each duration that it makes."""
    traits = TRAITS[model.family]
    if not traits.durations_s:
        return prices.of(full_name(model), None)
    durations = [model.duration_s] if model.duration_s is not None else traits.durations_s
    return {
        str(duration_s): prices.of(full_name(replace(model, duration_s=duration_s)), duration_s)
        for duration_s in durations
        if not (model.hd and duration_s == max(traits.durations_s))
    }


def read_prices(table: Mapping[str, object]) -> Prices:
    """Return the prices of an operator's table, ours behind them.

    ``table`` gives for a pattern of full names (``*``: any letters) units, or units by seconds:
    ``{"sora_image*": 2, "sora_video2*-hd*": {"10": 8, "15": 16}}``.

    Raises:
        ValueError: a pattern fits nothing, or a price is none; the text says which and what is right.
    """
    own = [Price(pattern=pattern, rows=_rows(pattern, value)) for pattern, value in table.items()]
    return Prices(prices=(*own, *DEFAULT_PRICES.prices))


def _rows(pattern: str, value: object) -> tuple[tuple[int, int], ...]:
    fitting = [name for name in _names() if fnmatchcase(name, pattern)]
    if _PATTERN.fullmatch(pattern) is None or not fitting:
        raise ValueError(
            f"the pattern {show(pattern)} fits no model; names are like {', '.join(_examples())}, "
            "and * stands for any part"
        )
    if not isinstance(value, Mapping):
        return ((0, _units(pattern, value)),)
    if not value:
        raise ValueError(f"{show(pattern)} has no price: give a number, or numbers by seconds")
    if any(name.startswith(Family.IMAGE.value) for name in fitting):
        raise ValueError(f"{show(pattern)} fits images, which have no seconds: give it one number")
    return tuple(sorted((_seconds(pattern, key), _units(pattern, units)) for key, units in value.items()))


def _seconds(pattern: str, value: object) -> int:
    seconds = whole(value)
    if seconds is None or not 1 <= seconds <= _LONGEST_S:
        raise ValueError(f"{show(pattern)} has a price for {show(value)}; a number of seconds is needed")
    return seconds


def _units(pattern: str, value: object) -> int:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not isinstance(value, int) or not is_whole or not 0 <= value <= MOST_UNITS:
        raise ValueError(f"{show(pattern)} costs {show(value)}; a whole number up to {MOST_UNITS} is needed")
    return value


def _examples() -> tuple[str, ...]:
    board = ModelName(family=Family.VIDEO2, pro=True, storyboard=True)
    return (*(full_name(ModelName(family=family)) for family in Family), full_name(board))


def _names() -> Iterator[str]:
    """Yield the full names of everything that can be made."""
    for family, traits in TRAITS.items():
        flags = (False, True) if traits.has_suffixes else (False,)
        for aspect, duration_s, hd, pro, storyboard in product(
            traits.sizes, traits.durations_s or (None,), flags, flags, flags
        ):
            model = ModelName(family=family, orientation=aspect, duration_s=duration_s, hd=hd, pro=pro)
            yield full_name(replace(model, storyboard=storyboard))
