"""Show model names as Gemini's models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.model_names import TRAITS, ModelName, capabilities
from sora_gateway.domain.parameters import MAX_PROMPT_CHARS, Policy
from sora_gateway.domain.prices import units_of
from sora_gateway.surfaces.gemini.models.wire import Model, ModelList

_METHODS: Mapping[MediaKind, tuple[str, ...]] = {
    MediaKind.IMAGE: ("generateContent", "streamGenerateContent", "countTokens", "predict"),
    MediaKind.VIDEO: ("generateContent", "streamGenerateContent", "countTokens", "predictLongRunning"),
}
_OUTPUT_TOKENS = 8192
"""For want of a meaning: clients want a number."""


def render_model(model: ModelName, policy: Policy) -> Model:
    """Return the model of a name."""
    return {
        "name": f"models/{model.asked}",
        "baseModelId": model.asked,
        "version": "1",
        "displayName": model.asked,
        "description": f"Makes {TRAITS[model.family].about}.",
        "inputTokenLimit": MAX_PROMPT_CHARS,
        "outputTokenLimit": _OUTPUT_TOKENS,
        "supportedGenerationMethods": list(_METHODS[model.kind]),
        "capabilities": {
            **capabilities(model, relax_25s=policy.relax_25s),
            "units": units_of(model, policy.prices),
        },
    }


def render_models(models: Sequence[ModelName], policy: Policy, *, next_start: int | None) -> ModelList:
    """Return a piece of the list; ``next_start`` is where the next one begins, None after the last."""
    answer: ModelList = {"models": [render_model(model, policy) for model in models]}
    if next_start is not None:
        answer["nextPageToken"] = str(next_start)
    return answer
