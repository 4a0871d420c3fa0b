"""Models have the shape of the wire module, and of the SDK's type."""

from __future__ import annotations

import pytest
from openai.types import Model as SdkModel
from pydantic import TypeAdapter

from sora_gateway.domain.model_names import ModelName, parse_model_name
from sora_gateway.domain.parameters import DEFAULT_POLICY
from sora_gateway.domain.text_models import TextModel, text_catalogue
from sora_gateway.surfaces.openai.models.render import render_model
from sora_gateway.surfaces.openai.models.wire import Model


@pytest.mark.parametrize("name", [parse_model_name("sora_video2-hd"), *text_catalogue()])
def test_model(name: ModelName | TextModel) -> None:
    """The strict reading of openai-python accepts it."""
    model = render_model(name, DEFAULT_POLICY)
    TypeAdapter(Model).validate_python(model, strict=True)
    assert SdkModel.model_validate(model, strict=True).id == name.id
