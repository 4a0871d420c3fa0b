"""The samples have the shapes of the wire module, and the SDK reads them."""

from __future__ import annotations

import pytest
from google.genai import types
from pydantic import TypeAdapter

from sora_gateway.surfaces.gemini.long_running import wire
from tests.surfaces.gemini.samples import sample


@pytest.mark.parametrize("name", ["queued", "running", "completed", "failed"])
def test_operations(name: str) -> None:
    """As google-genai's API key mode takes it."""
    operation = sample(f"operation_{name}.json")
    TypeAdapter(wire.Operation).validate_python(operation, strict=True)
    read = types.GenerateVideosOperation.from_api_response(operation, is_vertex_ai=False)
    assert read.name == operation["name"]
    assert read.done is operation["done"]
    assert (read.error is not None) == (name == "failed")
    assert (read.response is not None) == (name == "completed")


def test_fetched() -> None:
    """As its ``vertexai`` mode takes it, bytes and all."""
    operation = sample("operation_fetched.json")
    TypeAdapter(wire.FetchedOperation).validate_python(operation, strict=True)
    read = types.GenerateVideosOperation.from_api_response(operation, is_vertex_ai=True)
    assert read.response
    assert read.response.generated_videos
    video = read.response.generated_videos[0].video
    assert video
    assert (video.video_bytes, video.mime_type) == (b"ninebytes", "video/mp4")


def test_documented_fields() -> None:
    """Those that matter are named, all others are taken."""
    assert wire.START["required"] == ["instances"]
    assert wire.START["additionalProperties"] is True
    assert wire.FETCH["required"] == ["operationName"]
