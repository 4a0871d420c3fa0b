"""Models have the shape of the wire module, and of the SDK's type."""

from __future__ import annotations

from openai.types import Model as SdkModel
from pydantic import TypeAdapter

from sora_gateway.domain.model_names import parse_model_name
from sora_gateway.domain.parameters import DEFAULT_POLICY
from sora_gateway.surfaces.openai.models.render import render_model
from sora_gateway.surfaces.openai.models.wire import Model


def test_model() -> None:
    """The strict reading of openai-python accepts it."""
    model = render_model(parse_model_name("sora_video2-hd"), DEFAULT_POLICY)
    TypeAdapter(Model).validate_python(model, strict=True)
    assert SdkModel.model_validate(model, strict=True).id == "sora_video2-hd"
