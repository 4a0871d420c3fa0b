"""Parameters: each row of the table, each refusal, each adaptation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_gateway.domain.accounts import Plan
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Aspect, MediaKind
from sora_gateway.domain.model_aliases import with_aliases
from sora_gateway.domain.model_names import STYLES, Family, parse_model_name
from sora_gateway.domain.parameters import (
    DEFAULTS,
    KNOWN,
    MAX_PROMPT_CHARS,
    WITHOUT_EFFECT,
    Policy,
    Resolved,
    merge_sources,
    resolve,
    resolve_image,
    resolve_remix,
    resolve_video,
)
from sora_gateway.domain.requests import GenerationRequest
from tests.domain.samples import BLOB

PICTURE = replace(BLOB, media_type="image/png")


def video(model: str | None = "sora_video2", **fields: object) -> Resolved:
    """Resolve a request of the video route."""
    return resolve_video({"prompt": "a boat", "model": model, **fields})


def image(model: str | None = "sora_image", **fields: object) -> Resolved:
    """Resolve a request of the image route."""
    return resolve_image({"prompt": "a kitten", "model": model, **fields})


def refusal(fields: Mapping[str, object], **more: object) -> GatewayError:
    """Return why the request is refused."""
    with pytest.raises(GatewayError) as caught:
        resolve({"prompt": "a boat", **fields}, **more)  # type: ignore[arg-type]
    return caught.value


class TestDefaults:
    """What a request means that says nothing."""

    def test_video(self) -> None:
        """Portrait, 10 s, one, nothing special, any account."""
        resolved = video()
        request = resolved.request
        assert (request.kind, request.family, request.model) == (
            MediaKind.VIDEO,
            Family.VIDEO2,
            "sora_video2",
        )
        assert (request.aspect, request.duration_s, request.n) == (Aspect.PORTRAIT, 10, 1)
        assert not any((request.hd, request.pro, request.storyboard, request.watermark, request.private))
        assert (request.style, request.groups, request.plan, request.asked) == (None, (), Plan.FREE, {})
        assert (resolved.n, resolved.output_format, resolved.ignored) == (1, None, ())

    def test_image(self) -> None:
        """Square, one."""
        request = image().request
        assert (request.kind, request.aspect, request.duration_s, request.n) == (
            *(MediaKind.IMAGE, Aspect.SQUARE, None, 1),
        )

    def test_absent_models(self) -> None:
        """Each route has its model; null counts as absent."""
        assert video(None).request.model == "sora-2"
        assert image(None).request.model == "sora_image"
        assert resolve_video({"prompt": "a boat"}).request.model == "sora-2"

    def test_empty_fields_of_forms(self) -> None:
        """They say nothing."""
        empty = {"size": "", "style": "", "n": "", "seconds": "", "hd": ""}
        assert resolve_video({"prompt": "a boat", **empty}) == resolve_video({"prompt": "a boat"})

    def test_a_route_for_everything_needs_a_model(self) -> None:
        """Chat cannot guess what is wanted."""
        assert resolve({"prompt": "x", "model": "sora_image"}).request.kind is MediaKind.IMAGE
        assert resolve({"prompt": "x", "model": "sora_video"}).request.kind is MediaKind.VIDEO
        error = refusal({})
        assert (error.kind, error.param) == (ErrorKind.INVALID_REQUEST, "model")
        assert refusal({"model": 5}).param == "model"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"size": "1920x1080"}, {"aspect": Aspect.LANDSCAPE, "asked": {"size": "1920x1080"}}),
        ({"size": "1280x720"}, {"aspect": Aspect.LANDSCAPE, "asked": {}}),
        ({"size": " 720X1280 "}, {"aspect": Aspect.PORTRAIT}),
        ({"size": "1024x1792", "hd": True}, {"aspect": Aspect.PORTRAIT, "asked": {}}),
        ({"model": "sora_video2-landscape", "size": "1280x720"}, {"aspect": Aspect.LANDSCAPE}),
        ({"watermark": "true"}, {"watermark": True}),
        ({"watermark": False}, {"watermark": False}),
        ({"duration": 15}, {"duration_s": 15, "asked": {}}),
        ({"duration": "25"}, {"duration_s": 25, "plan": Plan.PRO}),
        ({"seconds": "15"}, {"duration_s": 15}),
        ({"seconds": 15.0, "duration": "15"}, {"duration_s": 15}),
        ({"model": "sora_video2-15s"}, {"duration_s": 15}),
        ({"model": "sora_video2-15s", "seconds": "15"}, {"duration_s": 15}),
        ({"hd": "True"}, {"hd": True, "pro": True, "plan": Plan.PRO}),
        ({"model": "sora_video2-hd", "hd": True}, {"hd": True, "pro": True}),
        ({"model": "sora_video2-pro"}, {"hd": False, "pro": True, "plan": Plan.PRO}),
        ({"private": "FALSE"}, {"private": False}),
        ({"private": True}, {"private": True}),
        ({"style": "Anime"}, {"style": "anime", "asked": {}}),
        ({"style": "vintage"}, {"style": "nostalgic", "asked": {"style": "vintage"}}),
        ({"storyboard": True}, {"storyboard": True}),
        ({"model": "sora_video2-storyboard", "prompt": "[5s]a[5s]b"}, {"storyboard": True}),
        ({"model": "sora_video2|[free,plus]"}, {"groups": ("free", "plus")}),
        ({"style": None, "size": None, "hd": None}, {"style": None, "hd": False}),
        (dict(DEFAULTS), {"duration_s": 10, "style": None}),
        ({"characters": []}, {"duration_s": 10}),
        ({"character_timestamps": "0, 3", "character_create": "false"}, {"duration_s": 10}),
    ],
)
def test_video_rows(fields: dict[str, object], expected: dict[str, object]) -> None:
    """Each parameter of Sora 2 as the table has it, typed or as text."""
    request = resolve_video({"prompt": "a boat", "model": "sora_video2", **fields}).request
    assert {name: getattr(request, name) for name in expected} == expected


@pytest.mark.parametrize("style", STYLES)
def test_every_style_is_taken(style: str) -> None:
    """The documented styles and the backend's further ids."""
    assert video(style=style).request.style in STYLES


@pytest.mark.parametrize(
    ("model", "seconds", "served_s", "asked"),
    [
        *(("sora-2", "4", 10, {"seconds": "4"}), ("sora-2", 8, 10, {"seconds": "8"})),
        *(("sora-2", "12", 15, {"seconds": "12"}), ("sora-2", "16", 25, {"seconds": "16"})),
        *(("sora-2-pro", "20", 25, {"seconds": "20"}), (None, "8", 10, {"seconds": "8"})),
        *(("sora-2", "10", 10, {}), ("sora-2-2025-10-06", "25", 25, {})),
        *(("sora_video", "5", 5, {}), ("sora_video", 20, 20, {}), ("sora_video", "10", 10, {})),
    ],
)
def test_durations(model: str | None, seconds: object, served_s: int, asked: dict[str, str]) -> None:
    """OpenAI's durations are served by the next longer one and reported; 25 s need Pro like any 25 s."""
    request = video(model, seconds=seconds).request
    assert (request.duration_s, request.asked) == (served_s, asked)
    assert (request.plan is Plan.PRO) == (request.pro or served_s == 25)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"size": "1024x1024"}, {"aspect": Aspect.SQUARE, "asked": {}}),
        ({"size": "512x512"}, {"aspect": Aspect.SQUARE, "asked": {"size": "512x512"}}),
        ({"size": "1536x1024"}, {"aspect": Aspect.LANDSCAPE}),
        ({"size": "1024x1792"}, {"aspect": Aspect.PORTRAIT}),
        ({"size": "auto"}, {"aspect": Aspect.SQUARE, "asked": {}}),
        ({"model": "gpt-image-landscape", "size": "auto"}, {"aspect": Aspect.LANDSCAPE}),
        ({"model": "gpt-image-portrait"}, {"aspect": Aspect.PORTRAIT}),
        ({"n": "4"}, {"n": 4}),
        ({"private": True}, {"private": True}),
        ({"style": "vivid"}, {"style": None}),
        ({"style": "natural"}, {"style": None}),
        ({"seconds": "10", "hd": False, "storyboard": "false", "watermark": False}, {"duration_s": None}),
    ],
)
def test_image_rows(fields: dict[str, object], expected: dict[str, object]) -> None:
    """Each parameter of images, OpenAI's spellings and others' defaults included."""
    request = resolve_image({"prompt": "a kitten", "model": "sora_image", **fields}).request
    assert {name: getattr(request, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        # prompt
        ({"prompt": None}, "prompt", ["missing"]),
        ({"prompt": ""}, "prompt", ["empty"]),
        ({"prompt": " \n\t"}, "prompt", ["empty"]),
        ({"prompt": 5}, "prompt", ["text", "5"]),
        ({"prompt": ["a"]}, "prompt", ["text"]),
        ({"prompt": "x" * (MAX_PROMPT_CHARS + 1)}, "prompt", ["32001", "32000"]),
        ({"prompt": "half \ud800"}, "prompt", ["surrogate"]),
        # n
        *(({"n": n}, "n", ["1 to 4"]) for n in (0, 5, -1, 1.5, True, "two", [1], 10**400)),
        # size
        ({"size": "512x512"}, "size", ["'512x512'", "square", "720x1280 or 1280x720"]),
        ({"size": "auto"}, "size", ["'auto'", "WIDTHxHEIGHT"]),
        ({"size": "big"}, "size", ["'big'", "720x1280"]),
        ({"size": "0x100"}, "size", ["'0x100'"]),
        ({"size": "100x"}, "size", ["'100x'"]),
        ({"size": 720}, "size", ["720"]),
        ({"size": "9999999x1"}, "size", ["9999999x1"]),
        (
            {"model": "sora_video2-landscape", "size": "720x1280"},
            "size",
            ["sora_video2-landscape", "portrait"],
        ),
        # duration
        ({"duration": 12}, "duration", ["12", "10, 15, 25"]),
        ({"seconds": "4"}, "seconds", ["'4'", "10, 15, 25"]),
        ({"seconds": "10s"}, "seconds", ["'10s'"]),
        ({"seconds": True}, "seconds", ["true"]),
        ({"model": "sora-2", "seconds": "5"}, "seconds", ["'5'", "4, 8, 12, 16, 20"]),
        ({"duration": 10, "seconds": "15"}, "duration", ["'duration' is 10", "'seconds' is '15'"]),
        ({"model": "sora-2", "duration": 4, "seconds": "8"}, "duration", ["contradict"]),
        ({"model": "sora_video2-15s", "seconds": 10}, "seconds", ["sora_video2-15s", "10"]),
        ({"model": "sora-2-10s", "duration": "8"}, "duration", ["sora-2-10s", "'8'"]),
        # booleans
        *(({name: "maybe"}, name, ["'maybe'", "true or false"]) for name in ("watermark", "hd", "private")),
        ({"storyboard": 1}, "storyboard", ["1", "true or false"]),
        ({"model": "sora_video2-hd", "hd": False}, "hd", ["contradict"]),
        ({"model": "sora_video2-storyboard", "storyboard": "false"}, "storyboard", ["contradict"]),
        # hd and 25 s
        ({"hd": True, "seconds": 25}, "hd", ["'hd' is true", "'seconds' is 25"]),
        ({"model": "sora_video2-hd", "duration": 25}, "duration", ["'duration' is 25", "sora_video2-hd"]),
        ({"model": "sora_video2-25s", "hd": True}, "hd", ["sora_video2-25s"]),
        ({"model": "sora-2", "hd": True, "seconds": "16"}, "hd", ["'16'", "25"]),
        # style
        ({"style": "vivid"}, "style", ["'vivid'", "thanksgiving", "selfie3"]),
        ({"style": 3}, "style", ["3"]),
        # storyboard
        ({"storyboard": True, "prompt": "[5s]a[6s]b"}, "prompt", ["10 s"]),
        # what a model lacks
        ({"model": "sora_image", "seconds": 15}, "seconds", ["15", "sora_image", "size"]),
        ({"model": "sora_image", "hd": True}, "hd", ["sora_image"]),
        ({"model": "sora_image", "style": "comic"}, "style", ["'comic'"]),
        ({"model": "sora_image", "watermark": True}, "watermark", ["sora_image"]),
        ({"model": "sora_image", "character_create": True}, "character_create", ["sora_image"]),
        ({"output_format": "png"}, "output_format", ["'png'", "sora_video2"]),
        ({"response_format": "url"}, "response_format", ["'url'", "sora_video2"]),
        ({"model": "sora_image", "size": "wide"}, "size", ["'wide'", "auto", "1024x1024"]),
        ({"model": "gpt-image-landscape", "size": "1024x1024"}, "size", ["gpt-image-landscape"]),
        ({"model": "sora_image", "output_format": "gif"}, "output_format", ["'gif'", "png, jpeg, webp"]),
        ({"model": "sora_image", "output_format": 1}, "output_format", ["1"]),
        *(
            ({"model": "sora_video", name: value}, name, ["sora_video", "duration, n, prompt, seconds, size"])
            for name, value in (
                *(("hd", True), ("private", True), ("style", "news"), ("storyboard", True)),
                *(("watermark", "true"), ("style", "vivid"), ("character_url", "https://example.org/a.mp4")),
            )
        ),
        ({"model": "sora_video", "seconds": 25}, "seconds", ["5, 10, 15, 20"]),
        ({"model": "sora_video", "size": "480x480"}, "size", ["square"]),
    ],
)
def test_refusals(fields: dict[str, object], param: str, words: list[str]) -> None:
    """A refusal names the field, the value and what is allowed."""
    error = refusal({"model": "sora_video2", **fields})
    assert (error.kind, error.param) == (ErrorKind.INVALID_REQUEST, param)
    assert f"'{param}'" in error.message or param == "prompt" or "HD" in error.message
    assert all(word in error.message for word in words), error.message
    assert len(error.message) < 600


def base(model: str = "sora_video2", **fields: object) -> GenerationRequest:
    """A finished video that is changed."""
    return video(model, **fields).request


def remixed(base: GenerationRequest, **fields: object) -> GenerationRequest:
    """Return how a change of ``base`` is understood."""
    return resolve_remix({"prompt": "再加一只小狗", **fields}, base).request


class TestRemix:
    """What is not said stays as it is in the video that is changed."""

    @pytest.mark.parametrize(
        ("model", "fields"),
        [
            ("sora_video2", {}),
            ("sora_video2-landscape-15s", {}),
            ("sora_video2-pro-25s|[pro]", {}),
            ("sora_video2-hd-landscape", {}),
            ("sora-2-pro", {"hd": True, "seconds": "12", "size": "1280x720"}),
            ("sora-2", {"hd": True}),
            ("sora2-landscape-15s", {}),
        ],
    )
    def test_everything_stays(self, model: str, fields: dict[str, object]) -> None:
        """Shape, length, HD and Pro; but not the groups: it runs where the video lies."""
        before = base(model, **fields)
        after = remixed(before)
        for name in ("aspect", "duration_s", "hd", "pro", "plan", "family"):
            assert getattr(after, name) == getattr(before, name), name
        assert after.groups == ()
        assert parse_model_name(after.model).family is Family.VIDEO2
        assert not resolve_remix({"prompt": "x"}, before).ignored

    def test_what_is_said_counts(self) -> None:
        """A model, a shape, a length, HD or not."""
        before = base("sora_video2-hd-landscape-15s", style="anime", watermark=True)
        plain = remixed(before, model="sora_video2")
        assert (plain.hd, plain.pro, plain.aspect, plain.duration_s) == (False, False, Aspect.LANDSCAPE, 15)
        assert (plain.style, plain.watermark, plain.prompt) == (None, False, "再加一只小狗")
        assert remixed(before, size="720x1280", seconds="10").size == "1024x1792"
        without = remixed(before, hd="false")
        assert (without.hd, without.pro) == (False, True)
        assert remixed(before, model="sora_video2-portrait-10s").aspect is Aspect.PORTRAIT

    def test_hd_of_a_long_one(self) -> None:
        """HD is not made with 25 s: where no length is said, it is that of any HD video."""
        assert remixed(base("sora_video2-25s"), hd=True).duration_s == 10
        with pytest.raises(GatewayError, match="25 seconds"):
            remixed(base("sora_video2-hd"), seconds=25)

    def test_openai_names_stay(self) -> None:
        """Their durations are still taken."""
        after = remixed(base("sora-2"), seconds="12")
        assert (after.model, after.duration_s, after.asked["seconds"]) == ("sora-2", 15, "12")

    def test_an_alias_that_is_no_more(self) -> None:
        """A video outlives the name by which it was made."""
        assert remixed(replace(base("sora_video2-pro"), model="our-own")).model == "sora_video2-pro"

    @pytest.mark.parametrize("model", ["sora_image", "sora_video"])
    def test_models_that_change_none(self, model: str) -> None:
        """Refused by the model."""
        with pytest.raises(GatewayError) as caught:
            remixed(base(), model=model)
        assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_MODEL, "model")


def test_model_of_another_kind() -> None:
    """A route makes its own kind; the message names the models that do."""
    with pytest.raises(GatewayError, match=r"makes images, not videos.*sora_video, sora_video2") as caught:
        video("sora_image")
    assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_MODEL, "model")
    with pytest.raises(GatewayError, match=r"makes videos, not images.*sora_image"):
        image("sora-2")


def test_errors_of_the_name_come_through() -> None:
    """The grammar's own refusals are not reworded."""
    assert refusal({"model": "sora_video2-30s"}).kind is ErrorKind.INVALID_MODEL
    assert refusal({"model": "sora-9"}).kind is ErrorKind.MODEL_NOT_FOUND


def test_the_longest_prompt_is_taken_as_it_is() -> None:
    """32,000 characters, blanks included."""
    prompt = " " + "é" * (MAX_PROMPT_CHARS - 1)
    assert video(prompt=prompt).request.prompt == prompt


def test_variants() -> None:
    """Variants of a video are jobs of their own, images are results of one job."""
    videos, images = video(n="3"), image(n=3)
    assert (videos.n, [request.n for request in videos.requests]) == (3, [1, 1, 1])
    assert (images.n, [request.n for request in images.requests]) == (3, [3])


def test_pictures() -> None:
    """They become part of the request; a video takes one."""
    fields = {"prompt": "a boat", "model": "sora_image"}
    assert resolve_image(fields, inputs=(PICTURE, PICTURE)).request.inputs == (PICTURE, PICTURE)
    assert resolve({**fields, "model": "sora_video2"}, inputs=(PICTURE,)).request.inputs == (PICTURE,)
    error = refusal({"model": "sora_video"}, inputs=(PICTURE, PICTURE))
    assert error.param == "input_reference"
    assert "at most 1" in error.message


def test_policy() -> None:
    """The operator opens 25 s to paid plans and names models as he likes."""
    policy = Policy(relax_25s=True, aliases=with_aliases({"clip": "sora_video2-25s"}))
    request = resolve_video({"prompt": "a boat", "model": "clip"}, policy=policy).request
    assert (request.duration_s, request.plan, request.model) == (25, Plan.PLUS, "clip")


def test_openais_fields_of_images() -> None:
    """They are accepted and leave no trace; the encoding is told to the caller of ``resolve``."""
    fields = dict.fromkeys(WITHOUT_EFFECT, "anything")
    resolved = image(output_format="webp", **fields)
    assert (resolved.ignored, resolved.output_format) == ((), "webp")
    assert replace(resolved.request) == image().request


def test_unknown_fields_are_listed() -> None:
    """They are ignored, and named once for the log; OpenAI's fields of images are unknown to a video."""
    assert video(zoom=2, seed=1, quality="high").ignored == ("quality", "seed", "zoom")
    assert image(zoom=2, quality="high").ignored == ("zoom",)


class TestMergeSources:
    """Body and query say the same thing, or one of them says it."""

    def test_query_adds(self) -> None:
        """Known fields only: keys and the like are not parameters."""
        body = {"prompt": "a boat", "size": None}
        query = {"seconds": "15", "size": "1280x720", "key": "sg-secret", "zoom": "2", "hd": None}
        assert merge_sources(body, query) == {"prompt": "a boat", "size": "1280x720", "seconds": "15"}
        assert body == {"prompt": "a boat", "size": None}

    @pytest.mark.parametrize(
        ("name", "body", "query"),
        [("seconds", 10, "10"), ("hd", True, "true"), ("size", "1280x720", "1280x720"), ("n", "2", "2.0")],
    )
    def test_equal_values_agree(self, name: str, body: object, query: object) -> None:
        """Spelling does not count; the body's value stays."""
        assert merge_sources({name: body}, {name: query}) == {name: body}

    @pytest.mark.parametrize(
        ("name", "body", "query"),
        [
            ("seconds", 10, "15"),
            ("hd", True, "false"),
            ("model", "sora_video", "sora_video2"),
            ("n", True, "1"),
        ],
    )
    def test_contradictions_are_refused(self, name: str, body: object, query: object) -> None:
        """Both sides are named."""
        with pytest.raises(GatewayError) as caught:
            merge_sources({name: body}, {name: query})
        assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, name)
        assert "in the body" in caught.value.message
        assert "in the query" in caught.value.message

    def test_two_names_for_one_thing(self) -> None:
        """A duration in the body and seconds in the query meet in ``resolve``."""
        fields = merge_sources({"duration": 10, "model": "sora_video2"}, {"seconds": "15"})
        assert refusal(fields).param == "duration"


anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["10", "15", "25", "4", "true", "1280x720", "512x512", "auto", "anime", "0,3", "sora-2"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def outcome(fields: Mapping[str, object]) -> Resolved | GatewayError:
    """Return the resolved request, or why it is refused."""
    try:
        return resolve(fields)
    except GatewayError as error:
        return error


@given(
    st.dictionaries(st.sampled_from(sorted(KNOWN)), anything),
    st.sampled_from(["sora_video2", "sora_video", "sora_image", "sora-2", "sora_video2-hd-landscape"]),
)
def test_any_fields_are_served_or_refused(fields: dict[str, object], model: str) -> None:
    """Whatever comes is resolved within the rules or refused by a known field, never an accident."""
    resolved = outcome({**fields, "prompt": "a boat", "model": model})
    if isinstance(resolved, GatewayError):
        assert resolved.param in KNOWN
        assert resolved.kind in (ErrorKind.INVALID_REQUEST, ErrorKind.UNSUPPORTED)
        return
    request = resolved.request
    assert 1 <= resolved.n <= 4
    assert request.size
    assert not (request.hd and (request.duration_s == 25 or not request.pro))
    assert (request.duration_s is None) == (request.kind is MediaKind.IMAGE)
    for name in ("hd", "private", "watermark", "storyboard"):
        if fields.get(name) not in (None, ""):
            assert str(fields[name]).strip().lower() == str(getattr(request, name)).lower()
