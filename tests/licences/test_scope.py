"""Scope: which models and groups a licence allows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.media import Aspect, MediaKind
from sora_gateway.domain.model_aliases import with_aliases
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.domain.text_models import TextModel
from sora_gateway.licences.scope import FAMILIES, checked_group, checked_model, text_within, within
from tests.domain.samples import IMAGE, PRO, VIDEO

LANDSCAPE = replace(VIDEO, aspect=Aspect.LANDSCAPE, duration_s=10)
ALIASES = with_aliases({"our-video": "sora_video2-landscape-10s"})


def caller(*models: str, groups: tuple[str, ...] = ()) -> Caller:
    return Caller(licence_id="l", permissions=frozenset(), models=models, groups=groups)


@pytest.mark.parametrize(
    ("models", "request_", "is_allowed"),
    [
        ((), PRO, True),
        (("sora_video2",), VIDEO, True),
        (("sora_video2",), PRO, True),
        (("sora_video2",), IMAGE, False),
        (("sora_image", "sora_video2"), IMAGE, True),
        (("gpt-image-1",), IMAGE, True),
        (("sora-2",), VIDEO, True),
        (("sora-2",), PRO, False),
        (("sora-2",), replace(VIDEO, hd=True), False),
        (("sora-2-pro",), PRO, True),
        (("sora-2-pro",), replace(PRO, hd=True), True),
        (("sora-2-pro",), VIDEO, False),
        (("sora_video2-hd",), PRO, False),
        (("sora_video2-hd",), replace(PRO, hd=True), True),
        (("sora_video2-10s",), LANDSCAPE, True),
        (("sora_video2-10s",), replace(LANDSCAPE, duration_s=15), False),
        (("sora_video2-portrait",), LANDSCAPE, False),
        (("sora_video2-storyboard",), LANDSCAPE, False),
        (("our-video",), LANDSCAPE, True),
        (("our-video",), replace(LANDSCAPE, duration_s=15), False),
        (("gone-alias",), VIDEO, False),
        (("sora_image",), replace(VIDEO, kind=MediaKind.CHARACTER), True),
    ],
)
def test_models(models: tuple[str, ...], request_: GenerationRequest, is_allowed: bool) -> None:
    """A family allows all of it; a name what it says, Pro only if it says so. Characters are no models."""
    if is_allowed:
        assert within(request_, caller(*models), ALIASES) == request_
        return
    with pytest.raises(GatewayError) as caught:
        within(request_, caller(*models), ALIASES)
    assert (caught.value.kind, caught.value.param) == (ErrorKind.PERMISSION_DENIED, "model")
    assert all(model in caught.value.message for model in models)
    assert request_.model in caught.value.message


def test_groups() -> None:
    """A request without groups gets the licence's; one with groups keeps them, if they are among those."""
    of_two = caller(groups=("team", "plus"))
    assert within(VIDEO, of_two).groups == ("team", "plus")
    assert within(replace(VIDEO, groups=("plus",)), of_two).groups == ("plus",)
    assert within(replace(VIDEO, groups=("pro",)), caller()).groups == ("pro",)
    with pytest.raises(GatewayError, match="groups pro; its groups are: team, plus") as caught:
        within(replace(VIDEO, groups=("plus", "pro")), of_two)
    assert caught.value.kind is ErrorKind.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("models", "is_allowed"),
    [
        ((), True),
        (("prompt-enhance",), True),
        (("prompt-enhance-long-10s",), True),
        (("prompt-enhance-short-10s",), False),
        (("prompt-enhance-broken", "sora_video2"), False),
    ],
)
def test_text_models(models: tuple[str, ...], is_allowed: bool) -> None:
    """They are a family of their own."""
    model = TextModel(id="prompt-enhance-long-10s", level="long", duration_s=10, groups=("plus",))
    if is_allowed:
        assert text_within(model, caller(*models)) == ("plus",)
        return
    with pytest.raises(GatewayError) as caught:
        text_within(model, caller(*models))
    assert caught.value.kind is ErrorKind.PERMISSION_DENIED


def test_what_a_licence_can_name() -> None:
    """Families, names and aliases, the operator's own included; nothing with groups, nothing unknown."""
    for name in (*FAMILIES, "sora-2-pro", "sora_video2-15s", "our-video", "prompt-enhance-long-10s"):
        assert checked_model(f" {name} ", ALIASES) == name
    for name in ("sora_video2|[plus]", "sora_video2-30s", "dall-e-9", "prompt-enhance-huge-10s"):
        with pytest.raises(GatewayError):
            checked_model(name, ALIASES)
    assert checked_group(" own-1 ") == "own-1"
    with pytest.raises(GatewayError, match="no name of a group"):
        checked_group("a group")
