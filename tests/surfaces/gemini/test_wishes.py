"""Google's words for what to make, in ours."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Aspect, MediaKind
from sora_gateway.domain.parameters import DEFAULT_POLICY, Resolved
from sora_gateway.surfaces.gemini.keys import snaked
from sora_gateway.surfaces.gemini.wishes import WITHOUT_EFFECT, fields_of, resolve_wish, wish_of


def _resolved(
    model: str,
    config: dict[str, Any] | None = None,
    *,
    body: dict[str, Any] | None = None,
    query: dict[str, Any] | None = None,
    kind: MediaKind | None = None,
) -> Resolved:
    wish = wish_of(
        model, "x", snaked(body or {}), snaked({"c": config})["c"] if config else None, query or {}
    )
    return resolve_wish(wish, kind, policy=DEFAULT_POLICY)


@pytest.mark.parametrize(
    ("model", "config", "expected"),
    [
        ("sora_video2", {}, {"duration_s": 10, "aspect": Aspect.PORTRAIT, "hd": False}),
        ("sora_video2", {"durationSeconds": 15}, {"duration_s": 15}),
        ("sora_video2", {"duration_seconds": "15"}, {"duration_s": 15}),
        ("sora_video2", {"aspectRatio": "16:9"}, {"aspect": Aspect.LANDSCAPE, "size": "1280x720"}),
        ("sora_video2", {"aspectRatio": "9:16", "resolution": "720p"}, {"aspect": Aspect.PORTRAIT}),
        ("sora_video2-hd", {"aspectRatio": "16:9"}, {"size": "1792x1024", "hd": True}),
        ("sora_video2-landscape", {"aspectRatio": "16:9"}, {"aspect": Aspect.LANDSCAPE}),
        ("sora_video2", {"imageConfig": {"aspectRatio": "16:9"}}, {"aspect": Aspect.LANDSCAPE}),
        ("sora_video2", {"imageConfig": {"imageSize": "1K"}}, {}),
        ("sora_video2", {"mimeType": "x", "outputOptions": {"mimeType": "video/mp4"}}, {}),
        ("sora_video2", {"hd": True, "style": "anime"}, {"hd": True, "style": "anime"}),
        ("sora_video", {"resolution": "480p", "durationSeconds": 20}, {"duration_s": 20}),
        ("sora-2", {"durationSeconds": 4}, {"duration_s": 10, "asked": {"seconds": "4"}}),
        ("sora-2", {"durationSeconds": 8}, {"duration_s": 10, "asked": {"seconds": "8"}}),
        ("sora-2", {"durationSeconds": 12}, {"duration_s": 15}),
        ("sora_image", {"imageConfig": {"aspectRatio": "1:1"}}, {"size": "1024x1024"}),
        ("sora_image", {"imageConfig": {"aspectRatio": "3:2", "imageSize": "1K"}}, {"size": "1536x1024"}),
        ("sora_image", {"aspectRatio": "2:3", "sampleCount": 3}, {"size": "1024x1536", "n": 3}),
        ("sora_image", {"candidateCount": 2}, {"n": 2}),
        ("sora_image", {"sampleCount": 2, "n": "2"}, {"n": 2}),
        ("sora_image|[free]", {}, {"groups": ("free",)}),
    ],
)
def test_understood(model: str, config: dict[str, Any], expected: dict[str, Any]) -> None:
    """What can be done as asked."""
    request = _resolved(model, config).request
    assert {name: getattr(request, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("model", "config", "param", "allowed"),
    [
        ("sora_video2", {"durationSeconds": 8}, "durationSeconds", "10, 15, 25"),
        (
            "sora_video2",
            {"durationSeconds": 4},
            "durationSeconds",
            "'durationSeconds' is 4; sora_video2 makes",
        ),
        ("sora_video", {"durationSeconds": 25}, "durationSeconds", "5, 10, 15, 20"),
        ("sora-2", {"durationSeconds": 6}, "durationSeconds", "4, 8, 12"),
        ("sora_video2-15s", {"durationSeconds": 10}, "durationSeconds", "15s"),
        ("sora_image", {"durationSeconds": 15}, "durationSeconds", "no such parameter"),
        ("sora_video2", {"aspectRatio": "1:1"}, "aspectRatio", "16:9, 9:16"),
        ("sora_video2", {"aspectRatio": "3:2"}, "aspectRatio", "16:9, 9:16"),
        ("sora_image", {"aspectRatio": "16:9"}, "aspectRatio", "1:1, 3:2, 2:3"),
        ("sora_image", {"imageConfig": {"aspectRatio": 5}}, "aspectRatio", "1:1, 3:2, 2:3"),
        ("sora_video2-landscape", {"aspectRatio": "9:16"}, "aspectRatio", "contradict"),
        ("sora_video2", {"aspectRatio": "9:16", "size": "1280x720"}, "aspectRatio", "give one"),
        ("sora_image", {"aspectRatio": "1:1", "imageConfig": {"aspectRatio": "3:2"}}, "aspectRatio", "once"),
        ("sora_video2", {"resolution": "1080p"}, "resolution", "makes 720p. For HD"),
        ("sora_video2-hd", {"resolution": "720p"}, "resolution", "1024x1792"),
        ("sora_video2", {"resolution": "720p", "hd": True}, "resolution", "1024x1792"),
        ("sora_video", {"resolution": "720p"}, "resolution", "480p"),
        ("sora_image", {"resolution": "720p"}, "resolution", "no such parameter"),
        ("sora_image", {"imageConfig": {"imageSize": "2K"}}, "imageSize", "makes 1K"),
        ("sora_image", {"sampleImageSize": "4K"}, "imageSize", "makes 1K"),
        ("sora_video2", {"imageConfig": {"imageSize": "2K"}}, "imageSize", "no such parameter"),
        ("sora_image", {"outputOptions": {"mimeType": "image/gif"}}, "mimeType", "image/png"),
        ("sora_video2", {"outputOptions": {"mimeType": "image/png"}}, "mimeType", "video/mp4"),
        ("sora_image", {"sampleCount": 9}, "sampleCount", "1 to 4"),
        ("sora_image", {"candidateCount": "many"}, "candidateCount", "1 to 4"),
        ("sora_image", {"sampleCount": 2, "n": 3}, "sampleCount", "contradict"),
        ("sora_image", {"sampleCount": 2, "candidateCount": 3}, "candidateCount", "'sampleCount' is 2"),
        ("sora_video2", {"seconds": 15, "durationSeconds": 10}, "durationSeconds", "contradict"),
        ("sora_image", {"imageConfig": "large"}, "imageConfig", "object"),
    ],
)
def test_refused(model: str, config: dict[str, Any], param: str, allowed: str) -> None:
    """What cannot be done as asked: the field as the caller knows it, and what is allowed."""
    with pytest.raises(GatewayError) as caught:
        _resolved(model, config)
    assert caught.value.param == param
    assert f"'{param}'" in caught.value.message
    assert allowed in caught.value.message


def test_in_our_words_alone() -> None:
    """A change of a video is understood by these."""
    wish = wish_of("sora_video2", "x", {}, {"aspect_ratio": "16:9", "duration_seconds": 15}, {})
    assert fields_of(wish, DEFAULT_POLICY) == {
        "model": "sora_video2",
        "prompt": "x",
        "size": "1280x720",
        "seconds": 15,
    }


def test_config_is_an_object() -> None:
    """Nothing else."""
    with pytest.raises(GatewayError, match="generationConfig"):
        wish_of("sora_image", "x", {}, ["a"], {})


@pytest.mark.parametrize(
    ("media_type", "encoding"), [("image/png", "png"), ("image/jpeg", "jpeg"), ("image/webp", "webp")]
)
@pytest.mark.parametrize("place", ["outputOptions", "imageConfig", "outputMimeType"])
def test_output_format(place: str, media_type: str, encoding: str) -> None:
    """Wherever SDKs put it."""
    config = {
        "outputOptions": {"outputOptions": {"mimeType": media_type}},
        "imageConfig": {"imageConfig": {"imageOutputOptions": {"mimeType": media_type}}},
        "outputMimeType": {"outputMimeType": media_type},
    }[place]
    assert _resolved("sora_image", config).output_format == encoding


def test_our_parameters_go_anywhere() -> None:
    """At the top, in the config, in the query; twice the same is once."""
    body = {"hd": True, "durationSeconds": 15}
    resolved = _resolved(
        "sora_video2", {"style": "anime", "hd": "true"}, body=body, query={"private": "true"}
    )
    request = resolved.request
    assert (request.hd, request.style, request.private, request.duration_s) == (True, "anime", True, 15)
    with pytest.raises(GatewayError, match="'hd' is true in one place and false"):
        _resolved("sora_video2", {"hd": False}, body={"hd": True})
    with pytest.raises(GatewayError, match="'n' is 2 in the body and '3' in the query"):
        _resolved("sora_image", {"n": 2}, query={"n": "3"})
    with pytest.raises(GatewayError, match="'aspectRatio' is '16:9' in one place"):
        _resolved("sora_video2", {"aspectRatio": "9:16"}, body={"aspectRatio": "16:9"})


def test_the_path_names_the_model() -> None:
    """A model or a prompt beside is not ours to read."""
    request = _resolved("sora_image", body={"model": "models/other", "prompt": "other"}).request
    assert (request.model, request.prompt) == ("sora_image", "x")


@pytest.mark.parametrize(
    ("model", "kind", "error"),
    [
        ("veo-3.1-generate-001", None, ErrorKind.NOT_FOUND),
        ("sora_video2-30s", None, ErrorKind.INVALID_MODEL),
        ("sora_video2", MediaKind.IMAGE, ErrorKind.INVALID_MODEL),
        ("sora_image", MediaKind.VIDEO, ErrorKind.INVALID_MODEL),
    ],
)
def test_wrong_model(model: str, kind: MediaKind | None, error: ErrorKind) -> None:
    """An unknown one is a resource that is not there."""
    with pytest.raises(GatewayError) as caught:
        _resolved(model, kind=kind)
    assert (caught.value.kind, caught.value.param) == (error, "model")


def test_google_fields_without_effect() -> None:
    """Taken and left alone; what nobody knows is named for the log."""
    config = dict.fromkeys(
        ("negativePrompt", "personGeneration", "seed", "generateAudio", "enhancePrompt", "temperature"), "any"
    )
    assert _resolved("sora_image", config).ignored == ()
    assert _resolved("sora_image", {"newThing": 1}, body={"other": 2}, query={"third": "3"}).ignored == (
        "new_thing",
        "other",
        "third",
    )
    assert "negative_prompt" in WITHOUT_EFFECT
