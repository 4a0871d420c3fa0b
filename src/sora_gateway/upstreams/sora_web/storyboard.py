"""Turn a caller's timeline into the text that the backend's storyboard call wants. Pure.

Source: Sora web protocol, section 6.5. ``still [5.0s]a fox wakes [5.0s]it runs`` becomes two numbered shots
and the instructions ``still``; a text without brackets is one shot over the whole video.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SHOT = re.compile(r"\[\s*(\d+(?:\.\d+)?)\s*s\s*\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Shots of (seconds, scene), and what holds for all of them."""

    shots: tuple[tuple[float, str], ...]
    instructions: str = ""

    def text(self) -> str:
        """Return the prompt of the storyboard call."""
        shots = [
            f"Shot {number}:\nduration: {seconds}sec\nScene: {scene}"
            for number, (seconds, scene) in enumerate(self.shots, start=1)
        ]
        whole = "current timeline:\n" + "\n\n".join(shots)
        return f"{whole}\n\ninstructions:\n{self.instructions}" if self.instructions else whole


def timeline(prompt: str, duration_s: int) -> Timeline:
    """Return the timeline that ``prompt`` describes."""
    pieces = _SHOT.split(prompt)
    if len(pieces) == 1:
        return Timeline(shots=((float(duration_s), prompt.strip()),))
    shots = tuple(
        (float(seconds), scene.strip()) for seconds, scene in zip(pieces[1::2], pieces[2::2], strict=True)
    )
    return Timeline(shots=shots, instructions=pieces[0].strip())


def fault(prompt: str, duration_s: int) -> str | None:
    """Say what is wrong with the timeline in ``prompt``, or None."""
    shots = timeline(prompt, duration_s).shots
    for number, (seconds, scene) in enumerate(shots, start=1):
        if seconds <= 0 or not scene:
            return f"Shot {number} of the storyboard needs a duration above 0 and a text."
    total = sum(seconds for seconds, _ in shots)
    if total > duration_s + 1e-6:
        return f"The shots of the storyboard last {total:g} s, longer than the video of {duration_s} s."
    return None
