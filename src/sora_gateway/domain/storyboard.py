"""Read a prompt that is a timeline of shots: ``overall [5.0s]first shot [5.0s]second shot``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from sora_gateway.domain.errors import ErrorKind, GatewayError


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One shot of a storyboard."""

    duration_s: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Storyboard:
    """The shots in their order, never none, and what holds for all of them (may be empty)."""

    instructions: str
    shots: tuple[Shot, ...]


# A bracket that begins with a number is meant as a duration, so a misspelled one is not taken for text.
_BRACKET = re.compile(r"\[\s*(?P<number>[-+]?[\d.,]+)\s*(?P<unit>[^\W\d]*)\s*\]", re.ASCII)
_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)


def parse_storyboard(prompt: str, duration_s: int) -> Storyboard:
    """Return the timeline in ``prompt`` for a video of ``duration_s``; no bracket: one shot of that length.

    Raises:
        GatewayError(invalid_request): a duration is malformed or zero, a shot has no text, or the shots
            together are longer than the video. ``param`` is ``prompt``.
    """
    marks = list(_BRACKET.finditer(prompt))
    if not marks:
        shot = Shot(duration_s=float(duration_s), text=prompt.strip())
        return Storyboard(instructions="", shots=(shot,))
    total = Decimal(0)
    shots: list[Shot] = []
    ends = [*(mark.start() for mark in marks[1:]), len(prompt)]
    for mark, end in zip(marks, ends, strict=True):
        length_s = _length_s(mark)
        total += length_s
        if total > duration_s:
            raise _refused(
                f"The shots of the storyboard last longer than the video's {duration_s} s: "
                f"shot {len(shots) + 1} ends at {total:.12g} s."
            )
        text = prompt[mark.end() : end].strip()
        if not text:
            raise _refused(f"Shot {len(shots) + 1} of the storyboard has no text after '{mark.group()}'.")
        shots.append(Shot(duration_s=float(length_s), text=text))
    return Storyboard(instructions=prompt[: marks[0].start()].strip(), shots=tuple(shots))


def _length_s(mark: re.Match[str]) -> Decimal:
    number, unit = mark["number"], mark["unit"]
    if unit != "s" or not _NUMBER.fullmatch(number) or Decimal(number) == 0:
        raise _refused(
            f"'{mark.group()[:40]}' is no duration of a shot: write seconds above 0 with a decimal point, "
            "such as [5.0s]."
        )
    return Decimal(number)


def _refused(message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param="prompt")
