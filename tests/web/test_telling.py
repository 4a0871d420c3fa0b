"""What is said of the work in plain words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.jobs import Job, JobError, Phase
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.parameters import resolve
from sora_gateway.engine.generations import JobView
from sora_gateway.web.telling import (
    stopping,
    tell_character,
    tell_failed,
    tell_progress,
    tell_result,
    tell_unfinished,
)

URL = "http://gateway/v1/files/a/video/0.mp4"
REQUEST = resolve({"model": "sora_video2", "prompt": "画小猫"}).request
JOB = Job(id="video_01k", owner="o", request=REQUEST, signature="s", created_at=1.0, updated_at=1.0)


@pytest.mark.parametrize(
    ("view", "line"),
    [
        (JobView(job=JOB), "Queued\n"),
        (JobView(job=JOB, queue_position=3), "Queued, position 3\n"),
        (JobView(job=JOB, queue_position=3, eta_s=90), "Queued, position 3, about 90 s\n"),
        (JobView(job=replace(JOB, phase=Phase.RUNNING, progress=0.456)), "In progress: 45 %\n"),
        (JobView(job=replace(JOB, phase=Phase.COMPLETED, progress=1.0)), "Completed\n"),
    ],
)
def test_progress(view: JobView, line: str) -> None:
    """One line each; siblings are told apart."""
    assert tell_progress(view, 1, 1) == line
    assert tell_progress(view, 2, 3) == f"2 of 3: {line}"


def test_results() -> None:
    """A picture is markdown; a video is a tag on a line of its own and a link after a blank line."""
    assert tell_result(MediaKind.IMAGE, "http://a") == "![image](http://a)"
    tag, blank, link = tell_result(MediaKind.VIDEO, URL).split("\n")
    assert tag == f'<video src="{URL}" controls></video>'
    assert (blank, link) == ("", f"[Download video]({URL})")


def test_what_is_not_there() -> None:
    """An unfinished job is named with its link, a failed one with its reason."""
    text = tell_unfinished(MediaKind.VIDEO, JOB.id, "http://link")
    assert f"`{JOB.id}`" in text
    assert "(http://link)" in text
    assert "No cats." in tell_failed("No cats.")


def test_the_end_of_the_server() -> None:
    """Who is sent away knows where every result will be."""
    error = stopping(["http://a", "http://b"])
    assert (error.kind, error.code) == (ErrorKind.INTERNAL, "server_stopping")
    assert error.message.endswith("http://a, http://b")


@pytest.mark.parametrize(
    ("notes", "error", "expected"),
    [
        ({}, None, None),
        ({"character": "character_1", "username": "rusty"}, None, "`@rusty`"),
        (
            {"character": "c_1", "username": "rusty", "later.character": "c_2", "later.username": "pixel"},
            None,
            "`@pixel`",
        ),
        (
            {},
            JobError(kind=ErrorKind.CONTENT_REFUSED, message="A person.", code="content_refused"),
            "No character was made: A person.",
        ),
    ],
)
def test_what_became_of_a_character(
    notes: dict[str, str], error: JobError | None, expected: str | None
) -> None:
    """Its name, so that a prompt can use it, or why there is none."""
    said = tell_character(replace(JOB, notes=notes, character_error=error))
    assert (said is None) if expected is None else (expected in (said or ""))
