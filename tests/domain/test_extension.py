"""Requests to carry a video on."""

from __future__ import annotations

import pytest

from sora_gateway.domain.accounts import Plan
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.extension import resolve_extension
from sora_gateway.domain.parameters import resolve_video
from sora_gateway.domain.requests import GenerationRequest


def base(model: str = "sora_video2", **fields: object) -> GenerationRequest:
    """A finished video."""
    return resolve_video({"prompt": "a boat", "model": model, **fields}).request


def extended(before: GenerationRequest, **fields: object) -> GenerationRequest:
    """Return how a request to carry ``before`` on is understood."""
    return resolve_extension({"prompt": "it reaches the sea", **fields}, before).request


def refusal(before: GenerationRequest, **fields: object) -> GatewayError:
    """Return why it is refused."""
    with pytest.raises(GatewayError) as caught:
        extended(before, **fields)
    return caught.value


@pytest.mark.parametrize(
    ("seconds", "added_s"), [("10", 10), (15, 15), ("4", 10), (8, 10), ("12", 15), (10.0, 10)]
)
def test_length(seconds: object, added_s: int) -> None:
    """The next longer of 10 and 15; what was adapted is told."""
    request = extended(base(), seconds=seconds)
    assert request.duration_s == added_s
    is_adapted = int(float(str(seconds))) != added_s
    assert ("seconds" in request.asked) == is_adapted
    assert extended(base(), duration=seconds).duration_s == added_s


@pytest.mark.parametrize("seconds", [None, "", 16, "20", 25, 5, "ten", 0, -10, True])
def test_other_lengths(seconds: object) -> None:
    """Missing or not to be had."""
    error = refusal(base(), seconds=seconds)
    assert (error.kind, error.param) == (ErrorKind.INVALID_REQUEST, "seconds")
    assert "10, 15" in error.message


def test_two_lengths() -> None:
    """They are refused when they differ."""
    assert refusal(base(), seconds=10, duration=15).param == "seconds"
    assert extended(base(), seconds=10, duration="10").duration_s == 10


@pytest.mark.parametrize(
    "model", ["sora_video2-hd-landscape", "sora_video2-25s", "sora-2-pro", "sora_video2-storyboard"]
)
def test_it_looks_like_its_video(model: str) -> None:
    """Shape, HD, Pro and plan are those of the video, whatever its length."""
    before = base(model, prompt="x")
    request = extended(before, seconds="10")
    for name in ("aspect", "hd", "pro", "plan", "size"):
        assert getattr(request, name) == getattr(before, name), name
    assert not request.storyboard
    again = extended(before, seconds=10, model="sora_video2", size=before.size, hd=str(before.hd).lower())
    assert (again.hd, again.pro, again.model) == (before.hd, before.pro, "sora_video2")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", "1280x720"),
        ("hd", True),
        ("style", "anime"),
        ("storyboard", "true"),
        ("character_url", "https://a/b.mp4"),
        ("character_from_task", "video_1"),
        ("characters", [{"id": "character_1"}]),
    ],
)
def test_what_it_cannot_change(name: str, value: object) -> None:
    """Refused by name; the defaults of forms are not."""
    assert refusal(base(), seconds=10, **{name: value}).param == name
    assert extended(base(), seconds=10, storyboard="false", hd="false", style="", characters=[])


@pytest.mark.parametrize(
    "model", ["sora_video2-landscape", "sora_video2-15s", "sora_video2-pro", "sora_image", "sora_video"]
)
def test_models_that_say_more(model: str) -> None:
    """A name that asks for another video is refused, not ignored."""
    error = refusal(base(), seconds=10, model=model)
    assert (error.kind, error.param) == (ErrorKind.INVALID_MODEL, "model")


def test_models_that_are_none() -> None:
    """Unknown ones and other values."""
    assert refusal(base(), seconds=10, model="sora-9").kind is ErrorKind.MODEL_NOT_FOUND
    assert refusal(base(), seconds=10, model=7).param == "model"
    assert refusal(base(), seconds=10, prompt="").param == "prompt"


def test_what_it_may_say() -> None:
    """Variants, privacy, a character of the result; a video of 25 s needs no Pro to be carried on twice."""
    resolved = resolve_extension(
        {"prompt": "x", "seconds": "10", "n": "2", "private": "true", "character_create": True}, base()
    )
    assert (resolved.n, resolved.request.private, resolved.request.plan) == (2, True, Plan.FREE)


def test_an_extension_of_a_private_video_is_private() -> None:
    """It shows the whole of it; to say otherwise is refused."""
    private = base(private=True)
    assert extended(private, seconds=10).private
    assert extended(private, seconds=10, private="true").private
    assert refusal(private, seconds=10, private=False).param == "private"
