"""The models that word prompts: their names and what they refuse."""

from __future__ import annotations

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.model_names import parse_model_name
from sora_gateway.domain.text_models import (
    DURATIONS_S,
    LEVELS,
    TextModel,
    parse_text_model,
    resolve_text,
    text_capabilities,
    text_catalogue,
)

MODEL = TextModel(id="prompt-enhance-long-15s", level="long", duration_s=15)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("prompt-enhance-short-10s", ("short", 10, ())),
        ("prompt-enhance-medium-20s", ("medium", 20, ())),
        (" prompt-enhance-long-15s ", ("long", 15, ())),
        ("prompt-enhance-long-15s|[free]", ("long", 15, ("free",))),
        ("prompt-enhance-long-15s|[free, plus]", ("long", 15, ("free", "plus"))),
    ],
)
def test_names(name: str, expected: tuple[str, int, tuple[str, ...]]) -> None:
    """Level, duration and groups; the name that was asked stays."""
    model = parse_text_model(name)
    assert model is not None
    assert (model.level, model.duration_s, model.groups) == expected
    assert model.id == name.strip()
    again = parse_text_model(model.canonical)
    assert again is not None
    assert (again.level, again.duration_s, again.groups) == expected


@pytest.mark.parametrize("name", ["sora_image", "", "gpt-4", None, 3, "Prompt-Enhance-long-15s"])
def test_other_names(name: object) -> None:
    """They belong to another grammar."""
    assert parse_text_model(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "prompt-enhance",
        "prompt-enhance-long",
        "prompt-enhance-15s",
        "prompt-enhance-15s-long",
        "prompt-enhance-tiny-15s",
        "prompt-enhance-long-25s",
        "prompt-enhance-long-15s-hd",
        "prompt-enhancer-long-15s",
    ],
)
def test_wrong_names(name: str) -> None:
    """The message lists the levels and the durations."""
    with pytest.raises(GatewayError) as caught:
        parse_text_model(name)
    assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_MODEL, "model")
    assert all(word in caught.value.message for word in (*LEVELS, *(f"{s}s" for s in DURATIONS_S)))


def test_malformed_groups() -> None:
    """As in all model names."""
    with pytest.raises(GatewayError, match="malformed"):
        parse_text_model("prompt-enhance-long-15s|free")


def test_catalogue() -> None:
    """Nine, each of which is what it says."""
    models = text_catalogue()
    assert len({model.id for model in models}) == 9
    assert [parse_text_model(model.id) for model in models] == list(models)


def test_capabilities() -> None:
    """It makes text and takes no pictures."""
    shown = text_capabilities(MODEL)
    assert (shown["kind"], shown["preset"]) == ("text", {"level": "long", "duration": 15})
    assert shown["inputs"] == {"media": [], "maximum": 0}


def test_no_picture_is_made_with_it() -> None:
    """The grammar of the other models says where it belongs."""
    with pytest.raises(GatewayError, match="text model, for chat only") as caught:
        parse_model_name("prompt-enhance-long-15s|[free]")
    assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_MODEL, "model")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"n": 1, "hd": False, "seconds": 15, "duration": "15", "private": "false", "dry_run": False},
        {"size": None, "style": "", "characters": [], "unknown": 3},
    ],
)
def test_wording(fields: dict[str, object]) -> None:
    """The prompt; fields that change nothing are taken."""
    wording = resolve_text({"model": MODEL.id, "prompt": "a cat", **fields}, MODEL)
    assert (wording.prompt, wording.model) == ("a cat", MODEL)


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 2},
        {"size": "720x1280"},
        {"seconds": "10"},
        {"hd": "true"},
        {"style": "anime"},
        {"character_url": "https://example.com/v.mp4"},
        {"remix_target_id": "video_1"},
        {"dry_run": True},
    ],
)
def test_parameters_of_pictures(fields: dict[str, object]) -> None:
    """What it cannot do is refused, by name."""
    with pytest.raises(GatewayError) as caught:
        resolve_text({"prompt": "a cat", **fields}, MODEL)
    assert caught.value.param == next(iter(fields))


@pytest.mark.parametrize("prompt", [None, "", " ", "x" * 32_001])
def test_prompts(prompt: object) -> None:
    """There must be one, of a bounded length."""
    with pytest.raises(GatewayError) as caught:
        resolve_text({"prompt": prompt}, MODEL)
    assert caught.value.param == "prompt"
