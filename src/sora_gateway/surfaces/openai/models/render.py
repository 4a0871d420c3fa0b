"""Show model names as OpenAI's Model objects."""

from __future__ import annotations

from collections.abc import Iterable

from sora_gateway.domain.model_names import ModelName, capabilities
from sora_gateway.domain.parameters import Policy
from sora_gateway.domain.prices import units_of
from sora_gateway.domain.text_models import TextModel, text_capabilities
from sora_gateway.surfaces.openai.models.wire import Model, ModelList

_CREATED = 1_795_305_600
"""A day in November 2026, for want of a meaning: clients want a number."""


def render_model(model: ModelName | TextModel, policy: Policy) -> Model:
    """Return the Model object of a name."""
    if isinstance(model, TextModel):
        shown = text_capabilities(model)
    else:
        shown = {
            **capabilities(model, relax_25s=policy.relax_25s),
            "units": units_of(model, policy.prices),
        }
    return {
        "id": model.id,
        "object": "model",
        "created": _CREATED,
        "owned_by": "sora-gateway",
        "capabilities": shown,
    }


def render_models(models: Iterable[ModelName | TextModel], policy: Policy) -> ModelList:
    """Return the list."""
    return {"object": "list", "data": [render_model(model, policy) for model in models]}
