"""Model names as Model objects."""

from __future__ import annotations

from sora_gateway.domain.model_names import catalogue, parse_model_name
from sora_gateway.domain.parameters import DEFAULT_POLICY, Policy
from sora_gateway.surfaces.openai.models.render import render_model, render_models


def test_list_is_the_catalogue() -> None:
    """Every name once, in its order."""
    models = render_models(catalogue(), DEFAULT_POLICY)
    ids = [model["id"] for model in models["data"]]
    assert ids == [model.asked for model in catalogue()]
    assert len(set(ids)) == len(ids)


def test_policy_counts() -> None:
    """What the operator relaxed is shown."""
    model = parse_model_name("sora_video2-25s")
    assert render_model(model, DEFAULT_POLICY)["capabilities"]["plan"] == "pro"
    assert render_model(model, Policy(relax_25s=True))["capabilities"]["plan"] == "plus"
