"""Models have the shape of the wire module, and of the SDK's type."""

from __future__ import annotations

from anthropic.types import ModelInfo as SdkModelInfo
from pydantic import TypeAdapter

from sora_gateway.domain.model_names import catalogue
from sora_gateway.surfaces.anthropic.models.render import render_page
from sora_gateway.surfaces.anthropic.models.wire import ModelPage
from tests.surfaces.anthropic.samples import sample


def test_page() -> None:
    """The strict reading of anthropic-python accepts it."""
    page = render_page(catalogue(), limit=2)
    TypeAdapter(ModelPage).validate_python(page, strict=True)
    assert [SdkModelInfo.model_validate(model).id for model in page["data"]] == ["sora_image", "sora_video"]


def test_golden() -> None:
    """Key for key."""
    assert render_page(catalogue(), limit=1) == sample("models.json")
