"""What is said of the work and its results."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest

from sora_gateway.engine.generations import JobView
from sora_gateway.surfaces.gemini.generate_content.render import (
    Head,
    as_array,
    as_events,
    error_element,
    error_event,
    render_content,
    render_count,
    render_failed,
    render_picture,
    render_piece,
    render_predictions,
    render_progress,
    render_video,
)
from tests.surfaces.gemini.jobs import completed, running, video_job
from tests.surfaces.gemini.samples import sample

HEAD = Head(id="resp-01k", model="sora_image", prompt="画小猫")
JOB = video_job()
PICTURE = render_picture("image/png", "AAAA")


def test_image() -> None:
    """The whole answer, key for key."""
    assert render_content(HEAD, [PICTURE, render_failed("No cats.")]) == sample("content_image.json")


def test_video() -> None:
    """A link for people and a file for programs."""
    parts = render_video(
        "video/mp4", "http://gateway/v1beta/files/video01k:download?alt=media", "http://gateway/v1/files/a"
    )
    assert render_content(HEAD, parts) == sample("content_video.json")


async def _pieces(*pieces: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any], None]:
    for piece in pieces:
        yield piece


THOUGHT = render_piece(HEAD, [render_progress(JobView(job=running(JOB, 0.45)), 1, 1)])
ERROR = {"error": {"code": 500, "message": "x", "status": "INTERNAL"}}


async def test_events() -> None:
    """The grammar, byte for byte."""
    pieces = _pieces(THOUGHT, render_content(HEAD, [PICTURE]))
    assert b"".join([piece async for piece in as_events(pieces)]).decode() == sample("stream.txt")


async def test_event_of_an_error() -> None:
    """For Python as an event, for Node as bare JSON behind it."""
    *_, last = [piece async for piece in as_events(_pieces(THOUGHT, ERROR))]
    event, bare = last.decode().split("\n\n")
    assert json.loads(event.removeprefix("data: ")) == json.loads(bare) == ERROR
    assert error_event(ERROR) == last


async def test_array() -> None:
    """One JSON text, cut short or not."""
    pieces = [piece async for piece in as_array(_pieces(THOUGHT, ERROR))]
    assert json.loads(b"".join(pieces)) == [THOUGHT, ERROR]
    assert json.loads(b"".join(pieces[:1]) + error_element(ERROR, is_first=False)) == [THOUGHT, ERROR]
    assert json.loads(error_element(ERROR, is_first=True)) == [ERROR]


@pytest.mark.parametrize(
    ("view", "line"),
    [
        (JobView(job=JOB), "Queued\n"),
        (JobView(job=JOB, queue_position=3), "Queued, position 3\n"),
        (JobView(job=JOB, queue_position=3, eta_s=90), "Queued, position 3, about 90 s\n"),
        (JobView(job=running(JOB, 0.456)), "In progress: 45 %\n"),
        (JobView(job=completed(JOB)), "Completed\n"),
    ],
)
def test_progress(view: JobView, line: str) -> None:
    """A thought each; siblings are told apart."""
    assert render_progress(view, 1, 1) == {"text": line, "thought": True}
    assert render_progress(view, 2, 3) == {"text": f"2 of 3: {line}", "thought": True}


def test_small_answers() -> None:
    """Counts and predictions."""
    assert render_count("画小猫") == {"totalTokens": 3}
    assert render_predictions([{"mimeType": "image/png", "bytesBase64Encoded": "AAAA"}]) == {
        "predictions": [{"mimeType": "image/png", "bytesBase64Encoded": "AAAA"}]
    }
