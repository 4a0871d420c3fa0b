"""Model names as Gemini's models."""

from __future__ import annotations

from sora_gateway.domain.model_names import catalogue, parse_model_name
from sora_gateway.domain.parameters import DEFAULT_POLICY, Policy
from sora_gateway.surfaces.gemini.models.render import render_model, render_models


def test_list_is_the_catalogue() -> None:
    """Every name once, in its order."""
    models = render_models(catalogue(), DEFAULT_POLICY, next_start=None)
    assert [model["name"] for model in models["models"]] == [f"models/{name.asked}" for name in catalogue()]
    assert "nextPageToken" not in models
    assert render_models([], DEFAULT_POLICY, next_start=7)["nextPageToken"] == "7"


def test_methods_say_what_it_makes() -> None:
    """Pictures are predicted, videos take long."""
    image = render_model(parse_model_name("sora_image"), DEFAULT_POLICY)["supportedGenerationMethods"]
    video = render_model(parse_model_name("sora_video2"), DEFAULT_POLICY)["supportedGenerationMethods"]
    assert set(image) - set(video) == {"predict"}
    assert set(video) - set(image) == {"predictLongRunning"}


def test_policy_counts() -> None:
    """What the operator relaxed is shown."""
    model = parse_model_name("sora_video2-25s")
    assert render_model(model, DEFAULT_POLICY)["capabilities"]["plan"] == "pro"
    assert render_model(model, Policy(relax_25s=True))["capabilities"]["plan"] == "plus"
