"""Model names: the grammar, its refusals, the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_gateway.domain import parameters
from sora_gateway.domain.accounts import Plan
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Aspect, Blob, MediaKind
from sora_gateway.domain.model_names import (
    DEFAULT_ALIASES,
    DEFAULT_MODELS,
    OUTPUT_FORMATS,
    STYLES,
    SUFFIXES,
    TRAITS,
    Family,
    ModelName,
    capabilities,
    catalogue,
    format_model_name,
    needed_plan,
    parse_model_name,
)

PORTRAIT, LANDSCAPE = Aspect.PORTRAIT, Aspect.LANDSCAPE


def video2(**changes: object) -> ModelName:
    """Return a name of the family that has parameters."""
    return ModelName(family=Family.VIDEO2, **changes)  # type: ignore[arg-type]


models = st.one_of(
    st.builds(ModelName, family=st.sampled_from([Family.IMAGE, Family.VIDEO])),
    st.builds(ModelName, family=st.just(Family.IMAGE), orientation=st.sampled_from([PORTRAIT, LANDSCAPE])),
    st.builds(
        lambda orientation, duration_s, quality, storyboard: video2(
            orientation=orientation,
            duration_s=None if quality == "hd" and duration_s == 25 else duration_s,
            hd=quality == "hd",
            pro=quality != "",
            storyboard=storyboard,
        ),
        st.sampled_from([None, PORTRAIT, LANDSCAPE]),
        st.sampled_from([None, 10, 15, 25]),
        st.sampled_from(["", "pro", "hd"]),
        st.booleans(),
    ),
)
group_lists = st.lists(st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True), unique=True, max_size=3)


@given(models, group_lists)
def test_parse_undoes_format(model: ModelName, groups: list[str]) -> None:
    """Whatever can be meant can be written, and reads back as the same; the text is canonical."""
    meant = ModelName(
        family=model.family,
        orientation=model.orientation,
        duration_s=model.duration_s,
        hd=model.hd,
        pro=model.pro,
        storyboard=model.storyboard,
        groups=tuple(groups),
    )
    text = format_model_name(meant)
    assert parse_model_name(text) == meant
    assert format_model_name(parse_model_name(text)) == text


@given(st.permutations(["landscape", "25s", "pro", "storyboard"]), st.integers(0, 4))
def test_parameters_stand_in_any_order(words: list[str], count: int) -> None:
    """The order says nothing: any permutation of the same parameters means the same."""
    chosen = words[:count]
    name = "-".join(["sora_video2", *chosen])
    assert parse_model_name(name) == parse_model_name("-".join(["sora_video2", *sorted(chosen)]))


def outcome(name: str) -> ModelName | GatewayError:
    """Return what the name means, or why it is refused."""
    try:
        return parse_model_name(name)
    except GatewayError as error:
        return error


@given(st.text(max_size=40) | st.lists(st.sampled_from([*SUFFIXES, "", "|", "[", "]", "30s"])).map("-".join))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    """Nothing but a ``GatewayError`` that names the field ever comes out."""
    for name in (text, f"sora_video2-{text}", f"sora-2|{text}"):
        model = outcome(name)
        if isinstance(model, GatewayError):
            assert model.param == "model"
            assert model.kind in (ErrorKind.INVALID_MODEL, ErrorKind.MODEL_NOT_FOUND)
        else:
            assert parse_model_name(format_model_name(model)) == model


@pytest.mark.parametrize(
    ("text", "expected", "canonical"),
    [
        ("sora_image", ModelName(family=Family.IMAGE), "sora_image"),
        ("sora_video", ModelName(family=Family.VIDEO), "sora_video"),
        ("sora_video2", video2(), "sora_video2"),
        ("sora_video2-portrait", video2(orientation=PORTRAIT), "sora_video2-portrait"),
        (
            "sora_video2-15s-landscape",
            video2(orientation=LANDSCAPE, duration_s=15),
            "sora_video2-landscape-15s",
        ),
        ("sora_video2-pro-25s", video2(duration_s=25, pro=True), "sora_video2-25s-pro"),
        ("sora_video2-hd", video2(hd=True, pro=True), "sora_video2-hd"),
        ("sora_video2-pro-hd", video2(hd=True, pro=True), "sora_video2-hd"),
        ("sora_video2-storyboard", video2(storyboard=True), "sora_video2-storyboard"),
        ("sora_video2|[free,plus]", video2(groups=("free", "plus")), "sora_video2|[free,plus]"),
        (" sora_video2-hd |[ my-own , B_2 ] ", video2(hd=True, pro=True, groups=("my-own", "B_2")), None),
        ("sora-2", video2(), "sora_video2"),
        ("sora-2-2025-10-06", video2(), "sora_video2"),
        ("sora-2-pro", video2(pro=True), "sora_video2-pro"),
        ("sora-2-pro-2025-10-06-landscape", video2(orientation=LANDSCAPE, pro=True), None),
        ("sora-2-15s|[team]", video2(duration_s=15, groups=("team",)), None),
        ("gpt-image-1", ModelName(family=Family.IMAGE), "sora_image"),
        ("gpt-image-1.5", ModelName(family=Family.IMAGE), "sora_image"),
        ("gpt-image-2", ModelName(family=Family.IMAGE), "sora_image"),
        ("gpt-image-2-2026-04-21", ModelName(family=Family.IMAGE), "sora_image"),
        ("dall-e-3", ModelName(family=Family.IMAGE), "sora_image"),
        ("gpt-image", ModelName(family=Family.IMAGE), "sora_image"),
        (
            "gpt-image-landscape",
            ModelName(family=Family.IMAGE, orientation=LANDSCAPE),
            "gpt-image-landscape",
        ),
        ("gpt-image-portrait", ModelName(family=Family.IMAGE, orientation=PORTRAIT), "gpt-image-portrait"),
        ("sora2-landscape-10s", video2(orientation=LANDSCAPE, duration_s=10), "sora_video2-landscape-10s"),
        ("sora2-portrait-25s", video2(orientation=PORTRAIT, duration_s=25), "sora_video2-portrait-25s"),
        ("sora2pro-portrait-25s", video2(orientation=PORTRAIT, duration_s=25, pro=True), None),
        (
            "sora2pro-hd-landscape-15s",
            video2(orientation=LANDSCAPE, duration_s=15, hd=True, pro=True),
            "sora_video2-landscape-15s-hd",
        ),
    ],
)
def test_names(text: str, expected: ModelName, canonical: str | None) -> None:
    """Each documented form means what the table says."""
    model = parse_model_name(text)
    assert model == expected
    assert model.asked == model.id == text.strip()
    if canonical is not None:
        assert format_model_name(model) == canonical


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sora_video2-10s-15s", ["duration", "'15s'", "25s"]),
        ("sora_video2-10s-10s", ["'10s' twice", "landscape"]),
        ("sora_video2-portrait-landscape", ["orientation", "'landscape'"]),
        ("sora_video2-pro-pro", ["'pro' twice"]),
        ("sora_video2-hd-hd", ["'hd' twice"]),
        ("sora_video2-30s", ["'30s'", "portrait, landscape, 10s, 15s, 25s, hd, pro, storyboard"]),
        ("sora_video2-", ["''", "portrait"]),
        ("sora_video2-hd-25s", ["'hd'", "'25s'", "10s or 15s"]),
        ("sora2pro-hd-landscape-25s", ["'hd'", "'25s'"]),
        ("sora-2-pro-pro", ["'pro' twice"]),
        ("sora-2-2025-10-06-2025-10-06", ["'2025'"]),
        ("sora2-2025-10-06", ["'2025'"]),
        ("sora_image-hd", ["'hd'", "takes no parameters"]),
        ("sora_video-15s", ["'15s'", "takes no parameters"]),
        ("gpt-image-1-hd", ["'hd'", "takes no parameters"]),
        ("sora_video2|[]", ["''", "letters, digits"]),
        ("sora_video2|[fr ee]", ["'fr ee'", "letters, digits"]),
        ("sora_video2|[free", ["malformed", "|[free,plus]"]),
        ("sora_video2|free", ["malformed"]),
        ("sora_video2|[free]x", ["malformed"]),
        ("sora_video2|[free,free]", ["twice"]),
        ("sora_video2-" + "x" * 500, ["..."]),
    ],
)
def test_invalid_names(text: str, words: list[str]) -> None:
    """A known base with wrong parameters: the message names the parameter and lists what is allowed."""
    with pytest.raises(GatewayError) as caught:
        parse_model_name(text)
    assert caught.value.kind is ErrorKind.INVALID_MODEL
    assert caught.value.param == "model"
    assert all(word in caught.value.message for word in words), caught.value.message
    assert len(caught.value.message) < 400


@pytest.mark.parametrize(
    "text", ["", "sora-3", "sora_video3", "sora_video2x", "gpt-image-9", "gpt-4o", "|[free]"]
)
def test_unknown_bases(text: str) -> None:
    """An unknown base is no model at all; the message lists the families and the aliases."""
    with pytest.raises(GatewayError) as caught:
        parse_model_name(text)
    assert caught.value.kind is ErrorKind.MODEL_NOT_FOUND
    assert caught.value.param == "model"
    assert "sora_image, sora_video, sora_video2" in caught.value.message
    assert "sora-2-pro" in caught.value.message


def test_upper_case_is_refused_with_a_hint() -> None:
    """Names are lower-case, and the message says so where that is all that is wrong."""
    with pytest.raises(GatewayError, match="lower-case: 'sora-2-pro'"):
        parse_model_name("Sora-2-Pro")
    with pytest.raises(GatewayError) as caught:
        parse_model_name("Sora-7")
    assert "lower-case" not in caught.value.message


def test_how_a_name_is_written_does_not_count() -> None:
    """Equality is that of the meaning; only OpenAI's names have OpenAI's durations."""
    ours, theirs = parse_model_name("sora_video2"), parse_model_name("sora-2")
    assert ours == theirs
    assert (ours.is_openai_alias, theirs.is_openai_alias) == (False, True)
    assert not parse_model_name("sora2-10s").is_openai_alias
    assert ours.kind is MediaKind.VIDEO


SORA2API_IMAGES = {"gpt-image": None, "gpt-image-landscape": LANDSCAPE, "gpt-image-portrait": PORTRAIT}
SORA2API_VIDEOS = [
    (f"{base}-{orientation}-{duration_s}s", base, orientation, duration_s)
    for base in ("sora2", "sora2pro", "sora2pro-hd")
    for orientation in (LANDSCAPE, PORTRAIT)
    for duration_s in (10, 15, 25)
    if (base, duration_s) != ("sora2pro-hd", 25)
]


@pytest.mark.parametrize(("name", "orientation"), SORA2API_IMAGES.items())
def test_image_names_of_sora2api(name: str, orientation: Aspect | None) -> None:
    """They set the shape."""
    assert parse_model_name(name) == ModelName(family=Family.IMAGE, orientation=orientation)


@pytest.mark.parametrize(("name", "base", "orientation", "duration_s"), SORA2API_VIDEOS)
def test_video_names_of_sora2api(name: str, base: str, orientation: Aspect, duration_s: int) -> None:
    """Every one of them means what it says."""
    assert parse_model_name(name) == video2(
        orientation=orientation, duration_s=duration_s, pro=base != "sora2", hd=base == "sora2pro-hd"
    )


def test_catalogue() -> None:
    """Families first, then combinations, then aliases; each is unique and parses to itself."""
    shown = catalogue(DEFAULT_ALIASES)
    ids = [model.id for model in shown]
    assert ids[:3] == ["sora_image", "sora_video", "sora_video2"]
    assert ids[-len(DEFAULT_ALIASES) :] == list(DEFAULT_ALIASES)
    assert len(set(ids)) == len(ids)
    assert {"sora_video2-landscape-15s", "sora_video2-portrait-25s-pro", "sora_video2-hd"} <= set(ids)
    assert not any("hd" in name and "25s" in name for name in ids)
    assert [parse_model_name(name) for name in ids] == list(shown)


def test_catalogue_without_aliases_is_canonical() -> None:
    """Every name of the grammar that is shown is the canonical one."""
    assert all(format_model_name(model) == model.id for model in catalogue())


def test_default_models_are_of_their_kind() -> None:
    """What stands for an absent model makes what the route makes."""
    assert all(parse_model_name(name).kind is kind for kind, name in DEFAULT_MODELS.items())


@pytest.mark.parametrize(
    ("pro", "duration_s", "relax_25s", "plan"),
    [
        (False, None, False, Plan.FREE),
        (False, 15, False, Plan.FREE),
        (False, 25, False, Plan.PRO),
        (False, 25, True, Plan.PLUS),
        (True, 10, False, Plan.PRO),
        (True, 25, True, Plan.PRO),
    ],
)
def test_needed_plan(pro: bool, duration_s: int | None, relax_25s: bool, plan: Plan) -> None:
    """Pro and 25 s need Pro; the operator may open 25 s to all paid plans."""
    assert needed_plan(pro=pro, duration_s=duration_s, relax_25s=relax_25s) is plan


@pytest.mark.parametrize("date", ["9999-99-99", "2025-13-01", "2025-00-10", "2025-10-32", "2025-10-00"])
def test_what_is_no_date(date: str) -> None:
    """OpenAI's dated names have months and days."""
    with pytest.raises(GatewayError) as caught:
        parse_model_name(f"sora-2-{date}")
    assert caught.value.kind is ErrorKind.INVALID_MODEL


@pytest.mark.parametrize("model", catalogue(DEFAULT_ALIASES), ids=lambda model: model.id)
def test_suffixes_can_be_added(model: ModelName) -> None:
    """Each of those that are listed makes another model, no other does."""
    listed = capabilities(model)["suffixes"]
    adding = []
    for word in SUFFIXES:
        found = outcome(f"{model.id}-{word}")
        if isinstance(found, ModelName) and found != model and model.kind is MediaKind.VIDEO:
            adding.append(word)
    assert listed == adding


class TestCapabilities:
    """The machine-readable block of a model."""

    def test_every_model_has_one(self) -> None:
        """Parameters are those of the family, and every default is one of the values."""
        for model in catalogue(DEFAULT_ALIASES):
            block = capabilities(model)
            parameters = block["parameters"]
            assert isinstance(parameters, dict)
            assert set(parameters) <= TRAITS[model.family].fields | {"n"}
            for row in parameters.values():
                is_free = "form" in row or "minimum" in row
                assert row["default"] is None or is_free or row["default"] in row["values"]
            assert block["plan"] == needed_plan(pro=model.pro, duration_s=model.duration_s).value

    def test_of_openais_alias(self) -> None:
        """It has OpenAI's durations too, and 25 s tell their plan."""
        block = capabilities(parse_model_name("sora-2"), relax_25s=True)
        seconds = block["parameters"]["seconds"]  # type: ignore[index]
        assert seconds["also"] == [4, 8, 12, 16, 20]
        assert seconds["plans"] == {"16": "plus", "20": "plus", "25": "plus"}
        assert block["preset"] == {}
        assert block["canonical"] == "sora_video2"

    def test_of_presets(self) -> None:
        """What the name fixes has one value only."""
        block = capabilities(parse_model_name("sora_video2-landscape-15s-hd-storyboard"))
        parameters = block["parameters"]
        assert isinstance(parameters, dict)
        assert parameters["size"] == {"values": ["1792x1024"], "default": "1792x1024", "form": "WxH"}
        assert parameters["seconds"] == {"values": [15], "default": 15}
        assert parameters["hd"]["values"] == parameters["storyboard"]["values"] == [True]
        assert block["preset"] == {
            "orientation": "landscape",
            "duration": 15,
            "hd": True,
            "pro": True,
            "storyboard": True,
        }

    def test_hd_has_no_25_s(self) -> None:
        """The values are those that are served together."""
        parameters = capabilities(parse_model_name("sora_video2-hd"))["parameters"]
        assert parameters["seconds"]["values"] == [10, 15]  # type: ignore[index]

    def test_hd_where_25_s_are_fixed(self) -> None:
        """There is no HD of 25 s, whichever of the two the name says."""
        parameters = capabilities(parse_model_name("sora_video2-25s"))["parameters"]
        assert parameters["hd"] == {"values": [False], "default": False}  # type: ignore[index]

    def test_of_images(self) -> None:
        """Shapes, the ways to have the result, and how many pictures may be sent."""
        block = capabilities(parse_model_name("sora_image"))
        parameters = block["parameters"]
        assert isinstance(parameters, dict)
        assert set(parameters) == {"n", "size", "private", "output_format", "response_format"}
        assert parameters["size"]["values"] == ["1024x1024", "1536x1024", "1024x1536", "auto"]
        assert parameters["output_format"] == {"values": ["png", "jpeg", "webp"], "default": None}
        assert parameters["response_format"] == {"values": ["b64_json", "url"], "default": "b64_json"}
        assert block["inputs"]["maximum"] == 16  # type: ignore[index]

    def test_every_documented_parameter_of_sora_2(self) -> None:
        """Nothing that can be asked for is missing; what needs a permission of its own says so."""
        parameters = capabilities(parse_model_name("sora_video2"))["parameters"]
        assert isinstance(parameters, dict)
        characters = {"character_url", "character_timestamps", "character_from_task", "character_create"}
        characters |= {"characters"}
        usual = {"size", "n", "watermark", "duration", "seconds", "hd", "private", "style", "storyboard"}
        assert set(parameters) == usual | characters | {"remix_target_id"}
        assert {name for name, row in parameters.items() if "permission" in row} == characters

    def test_of_the_first_generation(self) -> None:
        """Size, duration, one picture, no suffixes."""
        block = capabilities(parse_model_name("sora_video"))
        assert set(block["parameters"]) == {"n", "size", "seconds", "duration"}  # type: ignore[call-overload]
        assert block["suffixes"] == []
        assert block["inputs"]["maximum"] == 1  # type: ignore[index]


class TestCapabilitiesAreTrue:
    """What a model's block lists is accepted, what it does not list is refused: the whole catalogue."""

    PROBES: Mapping[str, tuple[Any, ...]] = {
        "n": (0, 1, 2, 4, 5),
        "size": ("1024x1024", "1280x720", "720x1280", "1792x1024", "1024x1792", "1x2", "auto", "big", "0x5"),
        "output_format": (*OUTPUT_FORMATS, "gif", "svg"),
        "seconds": (4, 5, 8, 10, 12, 15, 16, 20, 25, 30),
        "duration": (4, 5, 8, 10, 12, 15, 16, 20, 25, 30),
        "hd": (False, True),
        "storyboard": (False, True),
        "watermark": (False, True),
        "private": (False, True),
        "style": (*STYLES, "baroque"),
        "character_create": (False, True),
    }

    @pytest.mark.parametrize("relax_25s", [False, True])
    @pytest.mark.parametrize("model", catalogue(DEFAULT_ALIASES), ids=lambda model: model.id)
    def test_each_value(self, model: ModelName, relax_25s: bool) -> None:
        """One parameter at a time, every value of every model; the plan is the one that is told."""
        block = capabilities(model, relax_25s=relax_25s)
        rows: Any = block["parameters"]
        policy = parameters.Policy(relax_25s=relax_25s)
        for name, probes in self.PROBES.items():
            row = rows.get(name)
            listed = [*row.get("values", ()), *row.get("also", ())] if row else []
            for value in dict.fromkeys((*probes, *listed)):
                if row is None and name not in parameters.DEFAULTS:
                    continue  # no field of this model: ignored, and listed in the log
                fields = {"model": model.id, "prompt": "x", name: value}
                if not self.is_told(row, name, value):
                    with pytest.raises(GatewayError) as caught:
                        parameters.resolve(fields, policy=policy)
                    assert caught.value.param == name, (name, value)
                    continue
                resolved = parameters.resolve(fields, policy=policy)
                shown = str(value).lower() if isinstance(value, bool) else str(value)
                plans = row.get("plans", {}) if row else {}
                assert resolved.request.plan.value == plans.get(shown, block["plan"]), (name, value)
                assert resolved.ignored == ()

    @staticmethod
    def is_told(row: dict[str, Any] | None, name: str, value: object) -> bool:
        """Say what a reader of the block expects of a value."""
        if row is None:  # a field that the model lacks is taken with the default that means nothing
            return value == parameters.DEFAULTS[name]
        if "minimum" in row:
            return bool(row["minimum"] <= value <= row["maximum"])
        if name != "size" or value in row["values"]:
            return value in row["values"] or value in row.get("also", ())
        return value != "auto" and _shape(value) in {_shape(size) for size in row["values"]} - {None}

    @pytest.mark.parametrize("model", catalogue(DEFAULT_ALIASES), ids=lambda model: model.id)
    def test_pictures(self, model: ModelName) -> None:
        """As many as are told, and not one more."""
        most: Any = capabilities(model)["inputs"]["maximum"]  # type: ignore[index]
        fields = {"model": model.id, "prompt": "x"}
        picture = Blob(name="in", media_type="image/png", size_bytes=1, digest="d")
        assert len(parameters.resolve(fields, inputs=(picture,) * most).request.inputs) == most
        with pytest.raises(GatewayError, match=f"at most {most}") as caught:
            parameters.resolve(fields, inputs=(picture,) * (most + 1))
        assert caught.value.param == "input_reference"

    def test_formats_are_those_that_are_read(self) -> None:
        """One list of encodings."""
        assert parameters.OUTPUT_FORMATS == OUTPUT_FORMATS

    def test_defaults_are_values(self) -> None:
        """A default is something that may be asked for."""
        for model, relax_25s in product(catalogue(DEFAULT_ALIASES), (False, True)):
            rows: Any = capabilities(model, relax_25s=relax_25s)["parameters"]
            for name, row in rows.items():
                default = row["default"]
                assert default is None or "form" in row or self.is_told(row, name, default), (model.id, name)


def _shape(size: object) -> int | None:
    """Return the sign of width minus height, None for no size."""
    width, _, height = str(size).partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        return None
    return (int(width) > int(height)) - (int(width) < int(height))
