"""Divide a video into parts that show a text of their own: the shots of a storyboard, an extension. Pure.

Sora web protocol, sections 6.5 (the timeline is plain text inside the prompt) and 6.6. Example::

    current timeline:
    Shot 1:
    duration: 5.0sec
    Scene: a fox wakes up under snow

    Shot 2:
    duration: 5.0sec
    Scene: it shakes and runs into the pines

    instructions:
    quiet, hand-drawn look
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_SHOT = re.compile(
    r"^Shot \d+:[ \t]*\nduration:[ \t]*(\d+(?:\.\d+)?)[ \t]*sec[ \t]*\nScene:[ \t]*"
    r"(.*?)(?=^Shot \d+:|^instructions:|\Z)",
    re.MULTILINE | re.DOTALL,
)
_INSTRUCTIONS = re.compile(r"^instructions:[ \t]*\n(.*)\Z", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stretch of a video. ``note`` is its small print."""

    prompt: str
    seconds: float
    note: str = ""


def shots_of(prompt: str) -> tuple[Part, ...]:
    """Return the shots of a storyboard's prompt, none when it has no timeline."""
    shots = [(float(seconds), scene.strip()) for seconds, scene in _SHOT.findall(prompt)]
    found = _INSTRUCTIONS.search(prompt)
    manner = f", {found.group(1).strip()}" if found else ""
    return tuple(
        Part(prompt=scene, seconds=seconds, note=f"shot {number} of {len(shots)}, {seconds:g} s{manner}")
        for number, (seconds, scene) in enumerate(shots, start=1)
    )


def part_at(parts: tuple[Part, ...], second: int) -> Part:
    """Return the part that fills the middle of ``second`` (from 0); the last one is held to the end."""
    passed = 0.0
    for part in parts:
        passed += part.seconds
        if second + 0.5 < passed:
            return part
    return parts[-1]


def filled(parts: tuple[Part, ...], seconds: int) -> tuple[Part, ...]:
    """Return ``parts`` with the last one held until the video ends."""
    missing = seconds - sum(part.seconds for part in parts)
    return (*parts[:-1], replace(parts[-1], seconds=parts[-1].seconds + missing))
