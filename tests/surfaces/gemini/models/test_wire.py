"""Models have the shape of the wire module, and of the SDK's type."""

from __future__ import annotations

from google.genai import types
from pydantic import TypeAdapter

from sora_gateway.domain.model_names import catalogue
from sora_gateway.domain.parameters import DEFAULT_POLICY
from sora_gateway.surfaces.gemini.models.render import render_models
from sora_gateway.surfaces.gemini.models.wire import ModelList


def test_models() -> None:
    """google-genai knows each key but ours and the one that it gives another name."""
    models = render_models(catalogue(), DEFAULT_POLICY, next_start=3)
    TypeAdapter(ModelList).validate_python(models, strict=True)
    known = {field.alias for field in types.Model.model_fields.values()}
    ours = {"capabilities", "supportedGenerationMethods", "baseModelId"}
    assert set(models["models"][0]) - ours <= known
