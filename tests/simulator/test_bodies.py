"""Bodies are checked field by field."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.simulator.bodies import (
    BulkBody,
    ExtensionBody,
    FinalizeBody,
    FromGenerationBody,
    PostBody,
    UpdateBody,
    V1Body,
    VideoBody,
    parse,
)
from sora_gateway.simulator.errors import RefusalError
from tests.simulator.conftest import image_body, video_body

FULL = {
    "title": None,
    "remix_target_id": None,
    "reroll_target_id": None,
    "project_config": None,
    "trim_config": None,
    "metadata": None,
    "use_image_as_first_frame": False,
    "cameo_ids": None,
    "cameo_replacements": None,
    "style_id": None,
    "audio_caption": None,
    "audio_transcript": None,
    "video_caption": None,
    "i2v_reference_instruction": None,
    "remix_prompt_template": None,
    "storyboard_id": None,
}


def test_the_body_of_the_page_and_the_smallest() -> None:
    """Section 6.1: every documented key, or only the two that have no default."""
    assert parse(VideoBody, video_body(**FULL)).n_frames == 300
    small = parse(VideoBody, {"kind": "video", "prompt": "x"})
    assert (small.model, small.size, small.orientation, small.n_frames) == ("sy_8", "small", "portrait", 300)
    assert parse(VideoBody, video_body(cameo_ids=[], cameo_replacements={})).cameo_ids == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", 1),
        ("n_frames", 300.0),
        ("n_frames", True),
        ("title", 1),
        ("inpaint_items", {}),
        ("cameo_ids", "x"),
    ],
)
def test_wrong_types_name_the_field(field: str, value: Any) -> None:
    """The refusal's `param` is the field."""
    with pytest.raises(RefusalError) as caught:
        parse(VideoBody, video_body(**{field: value}))
    assert caught.value.status == 400
    assert caught.value.body["error"]["param"] == field


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (ExtensionBody, {"user_prompt": "x", "extension_duration_s": "10"}),
        (BulkBody, video_body(nsamples=1)),
        (FromGenerationBody, {"generation_id": "gen_1", "timestamps": [0, 1, 2]}),
        (FinalizeBody, {"cameo_id": "c", "username": "x", "display_name": "X"}),
        (UpdateBody, {"visibility": "friends"}),
        (UpdateBody, {"instruction_set": {"value": [{"type": "image", "value": "x"}]}}),
    ],
)
def test_bodies_of_characters_and_extensions(model: Any, body: dict[str, Any]) -> None:
    """Sections 6.6 and 9, as strictly as the others."""
    with pytest.raises(RefusalError):
        parse(model, body)


def test_images_and_posts() -> None:
    """The long inpaint item with nulls, and a post of exactly one attachment."""
    item = {"type": "image", "frame_index": 0, "upload_media_id": "m", "preset_id": None, "crop_bounds": None}
    assert parse(V1Body, image_body(inpaint_items=[item])).inpaint_items
    attachment = {"generation_id": "gen_1", "kind": "sora"}
    assert parse(PostBody, {"attachments_to_create": [attachment]}).post_text == ""
    with pytest.raises(RefusalError):
        parse(PostBody, {"attachments_to_create": [attachment] * 2})
