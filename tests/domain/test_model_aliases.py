"""The operator's own names for models."""

from __future__ import annotations

from itertools import permutations

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Aspect
from sora_gateway.domain.model_aliases import with_aliases
from sora_gateway.domain.model_names import parse_model_name


def test_own_aliases() -> None:
    """The operator's aliases stand beside the defaults, take suffixes and may take a default's place."""
    aliases = with_aliases(
        {
            "clip": "sora_video2-landscape",
            "sora-2": "sora_video2-15s",
            "mine": "sora-2-pro",
            "pic": "gpt-image-portrait",
        }
    )
    assert parse_model_name("clip-pro", aliases) == parse_model_name("sora_video2-landscape-pro")
    replaced = parse_model_name("sora-2", aliases)
    assert (replaced.duration_s, replaced.is_openai_alias) == (15, True)
    mine = parse_model_name("mine", aliases)
    assert (mine.pro, mine.is_openai_alias) == (True, True)
    assert parse_model_name("pic", aliases).orientation is Aspect.PORTRAIT
    with pytest.raises(GatewayError, match="second orientation"):
        parse_model_name("clip-portrait", aliases)


@pytest.mark.parametrize("target", ["nothing", "sora_video2-30s", "sora_video2|[free]"])
def test_own_aliases_need_a_model(target: str) -> None:
    """A bad table is refused when it is read, not when it is used."""
    with pytest.raises(GatewayError):
        with_aliases({"mine": target})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sora_video2", "exist"),
        ("sora_video2-mine", "exist"),
        ("prompt-enhance-long-10s", "exist"),
        ("", "letters"),
        ("my video", "letters"),
        ("mine|[free]", "letters"),
    ],
)
def test_own_aliases_have_names_of_their_own(name: str, words: str) -> None:
    """An alias that could never be asked for, or that hides a model, is refused."""
    with pytest.raises(GatewayError, match=words):
        with_aliases({name: "sora_video2"})


CHAIN = {"a": "sora-2", "b": "a-hd", "c": "b-landscape"}


@pytest.mark.parametrize("names", list(permutations(CHAIN)))
def test_own_aliases_lead_to_each_other(names: tuple[str, ...]) -> None:
    """In whatever order they stand."""
    aliases = with_aliases({name: CHAIN[name] for name in names})
    assert parse_model_name("c", aliases) == parse_model_name("sora_video2-hd-landscape")
    assert parse_model_name("c", aliases).is_openai_alias


def test_an_alias_in_place_of_openais() -> None:
    """It may build on what it replaces; others that lead to the name get the operator's meaning."""
    aliases = with_aliases({"mine": "sora-2", "sora-2": "sora-2-15s"})
    assert parse_model_name("mine", aliases).duration_s == 15


@pytest.mark.parametrize("extra", [{"a": "b", "b": "a"}, {"a": "b-hd", "b": "c", "c": "a"}])
def test_circles(extra: dict[str, str]) -> None:
    """They are refused by name."""
    with pytest.raises(GatewayError, match=r"a, b.* lead to each other"):
        with_aliases(extra)


def test_an_alias_of_itself() -> None:
    """There is no such model."""
    with pytest.raises(GatewayError) as caught:
        with_aliases({"a": "a"})
    assert caught.value.kind is ErrorKind.MODEL_NOT_FOUND
