"""Decide what an account may ask for: the legal combinations, their price and their pixels. Pure.

Sora web protocol, sections 3.3 (prices), 5.1 (image sizes) and 6.1 (legal combinations).
"""

from __future__ import annotations

import math

from sora_gateway.simulator.bodies import FRAMES_PER_SECOND, V1Body, VideoBody
from sora_gateway.simulator.errors import invalid
from sora_gateway.simulator.parts import Part, filled, shots_of
from sora_gateway.simulator.scenario import Combination, Extensions, Limits, Pixels, Scenario

_LEGACY_SECONDS = (5, 10, 15, 20)


def video_seconds(n_frames: int) -> int:
    """Return the seconds of ``n_frames``.

    Raises:
        RefusalError: 400 ``invalid_request``, no whole seconds.
    """
    seconds, rest = divmod(n_frames, FRAMES_PER_SECOND)
    if rest or seconds < 1:
        raise invalid(f"n_frames must be a multiple of {FRAMES_PER_SECOND}.", "n_frames")
    return seconds


def video_price(body: VideoBody, plan: str, limits: Limits) -> int:
    """Return what the video costs, in videos.

    Raises:
        RefusalError: 400 ``invalid_request`` that says which field does not fit the others, or the plan.
    """
    model = limits.model_aliases.get(body.model, body.model)
    seconds = video_seconds(body.n_frames)
    rows: list[Combination] = [row for row in limits.combinations if row.model == model]
    if not rows:
        raise invalid(f"Unknown model {body.model!r}.", "model")
    rows = [row for row in rows if row.size == body.size]
    if not rows:
        raise invalid(f"Model {body.model} does not support size {body.size!r}.", "size")
    rows = [row for row in rows if seconds in row.seconds]
    if not rows:
        raise invalid(
            f"Model {body.model} at size {body.size} does not support {seconds} seconds.", "n_frames"
        )
    for row in rows:
        if row.plans is None or plan in row.plans:
            return row.seconds[seconds]
    needed = " or ".join(plan_name.capitalize() for plan_name in rows[0].plans or ())
    raise invalid(f"{body.model} {body.size} at {seconds} seconds needs a {needed} plan.", "model")


def video_pixels(body: VideoBody, limits: Limits) -> Pixels:
    """Return the pixels of the video asked for."""
    pixels = limits.video_pixels.get(f"{body.size}-{body.orientation}")
    if pixels is None:
        raise invalid(f"Size {body.size!r} is not available in {body.orientation}.", "size")
    return pixels


def check_text(prompt: str, style_id: str | None, scenario: Scenario) -> None:
    """Check prompt length and style.

    Raises:
        RefusalError: 400 ``invalid_request``.
    """
    most = scenario.limits.max_prompt_chars
    if most is not None and len(prompt) > most:
        raise invalid(f"The prompt is longer than {most} characters.", "prompt")
    if style_id is not None and style_id not in {style.id for style in scenario.styles}:
        raise invalid(f"Unknown style {style_id!r}.", "style_id")


def storyboard_parts(body: VideoBody) -> tuple[Part, ...]:
    """Return the shots of a storyboard; they may be shorter than the video, whose last shot is held.

    Nobody has seen the backend add the durations up (section 6.5); only shots that nobody would ever see are
    refused here.

    Raises:
        RefusalError: 400 ``invalid_request``.
    """
    shots = shots_of(body.prompt)
    if not shots:
        raise invalid("A storyboard needs a timeline with at least one shot.", "prompt")
    seconds, total = video_seconds(body.n_frames), sum(shot.seconds for shot in shots)
    if total > seconds + 0.01:
        raise invalid(f"The shots last {total:g} seconds, longer than the video.", "n_frames")
    return filled(shots, seconds)


def can_extend(seconds: int, rules: Extensions) -> bool:
    """Tell whether a finished video of that length may grow (the draft's ``can_extend``)."""
    return bool(rules.prices) and seconds + min(rules.prices) <= rules.longest_s


def extension_price(seconds: int, added_s: int, rules: Extensions) -> int:
    """Return what it costs to add ``added_s`` to a video of ``seconds``, in videos.

    Raises:
        RefusalError: 400 ``invalid_request``.
    """
    if added_s not in rules.prices:
        allowed = " or ".join(str(item) for item in sorted(rules.prices))
        raise invalid(f"extension_duration_s must be {allowed}.", "extension_duration_s")
    if seconds + added_s > rules.longest_s:
        raise invalid(
            f"A video can grow to {rules.longest_s} seconds, not to {seconds + added_s}.",
            "extension_duration_s",
        )
    return rules.prices[added_s]


def image_pixels(width: int, height: int, limits: Limits) -> Pixels:
    """Return the pixels of an image whose asked size acts as a ratio (section 5.1)."""
    if math.isclose(width, height, rel_tol=0.05):
        return limits.image_pixels["square"]
    return limits.image_pixels["landscape" if width > height else "portrait"]


def legacy_seconds(body: V1Body) -> int:
    """Return the seconds of a first-generation video (section 5.2).

    Raises:
        RefusalError: 400 ``invalid_request``.
    """
    seconds = video_seconds(body.n_frames)
    if seconds not in _LEGACY_SECONDS:
        raise invalid("n_frames must be 150, 300, 450 or 600.", "n_frames")
    if body.width % 2 or body.height % 2:
        raise invalid("Width and height must be even.", "width")
    return seconds
