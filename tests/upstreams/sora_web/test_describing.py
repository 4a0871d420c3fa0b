"""What people are shown of a call."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.requests import Clip, GenerationRequest, Source
from sora_gateway.upstreams.sora_web.describing import described
from tests.upstreams.sora_web.support import blob, image, video

SOURCE = Source(job_id="video_1", account_id="sora_web:user-one", result_id="gen_1", total_s=10)
DRAFTS = "/project_y/profile/drafts"


@pytest.mark.parametrize(
    ("request_", "path", "expected"),
    [
        (video(), "/nf/create", {"prompt": "a paper boat", "title": None, "n_frames": 300}),
        (
            video(inputs=(blob(),)),
            "/nf/create",
            {"inpaint_items": [{"kind": "upload", "upload_id": "<upload 1>"}]},
        ),
        (video(remix=SOURCE), "/nf/create", {"remix_target_id": "<post of video_1>"}),
        (video(remix_post="s_1"), "/nf/create", {"remix_target_id": "s_1"}),
        (
            video(extend=SOURCE),
            f"{DRAFTS}/<result of video_1>/long_video_extension",
            {"user_prompt": "a paper boat", "extension_duration_s": 10},
        ),
        (video(character=Clip(blob=blob())), "/nf/create", {"prompt": "@<username> a paper boat"}),
        (image(), "/video_gen", {"type": "image_gen"}),
        (
            video(kind=MediaKind.CHARACTER, character=Clip(blob=blob(), start_s=0.5, end_s=2)),
            "/characters/upload",
            {"file": "<clip>", "timestamps": "0.5,2"},
        ),
        (
            video(kind=MediaKind.CHARACTER, character=Clip(source=SOURCE)),
            "/characters/from-generation",
            {"generation_id": "<result of video_1>", "timestamps": [0, 3]},
        ),
    ],
)
def test_a_call_with_words_for_what_is_not_known(
    request_: GenerationRequest, path: str, expected: dict[str, Any]
) -> None:
    """Uploads, posts and results are named, never shown, and no marker is in it."""
    shown = described(request_, "360")
    assert (shown["method"], shown["path"]) == ("POST", path)
    body = shown["body"]
    assert isinstance(body, dict)
    assert expected.items() <= body.items()
    assert "gen_1" not in str(shown)


def test_the_calls_around_it() -> None:
    """What else changes something at the backend is told, and only where it is."""
    assert {"before", "after"}.isdisjoint(described(video(), "360"))
    shown = described(video(remix=SOURCE, inputs=(blob(),), keeps_character=Clip()), "360")
    assert shown["before"] == ["POST /uploads", "POST /project_y/post, unless video_1 is shared already"]
    assert shown["after"] == [
        "POST /characters/from-generation",
        "POST /project_y/file/upload",
        "POST /characters/finalize",
    ]
    first = described(video(character=Clip(blob=blob())), "360")["before"]
    assert isinstance(first, list)
    assert first[0] == "POST /characters/upload"
