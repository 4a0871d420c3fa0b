"""The samples have exactly the shapes of the wire module, and of the SDK's types."""

from __future__ import annotations

import pytest
from openai.types import Video as SdkVideo
from pydantic import TypeAdapter

from sora_gateway.surfaces.openai.videos.wire import CREATE, EDIT, EXTENSION, REMIX, Video, VideoPage
from tests.surfaces.openai.samples import sample

SAMPLES = ("queued", "running", "completed", "failed", "cancelled", "extended")


@pytest.mark.parametrize("name", SAMPLES)
def test_every_key_is_there(name: str) -> None:
    """Absent values are null, never missing."""
    video = sample(f"video_{name}.json")
    assert set(video) == set(Video.__annotations__)
    TypeAdapter(Video).validate_python(video, strict=True)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_sdk_reads_it(name: str) -> None:
    """The strict reading of openai-python accepts the object."""
    video = SdkVideo.model_validate(sample(f"video_{name}.json"), strict=True)
    assert video.id == "video_01kanar9g0"
    assert isinstance(video.seconds, str)


def test_page() -> None:
    """The list's shape."""
    page = {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
    TypeAdapter(VideoPage).validate_python(page, strict=True)


def test_documented_fields() -> None:
    """The fields of the OpenAPI description; unknown ones are taken."""
    assert CREATE["additionalProperties"] is True
    assert {"prompt", "model", "seconds", "size", "n", "input_reference"} <= set(CREATE["properties"])
    assert {"prompt", "model", "character_url"} <= set(REMIX["properties"])
    assert set(EDIT["required"]) == {"prompt", "video"}
    assert set(EXTENSION["required"]) == {"prompt", "seconds", "video"}
    assert all(set(one["required"]) <= set(one["properties"]) for one in (CREATE, REMIX, EDIT, EXTENSION))
