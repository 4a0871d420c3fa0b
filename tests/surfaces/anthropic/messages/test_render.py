"""What is said in a conversation."""

from __future__ import annotations

import pytest
from structlog.contextvars import bound_contextvars

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Phase
from sora_gateway.domain.media import MediaKind
from sora_gateway.engine.generations import JobView
from sora_gateway.surfaces.anthropic.messages.render import (
    Head,
    render_count,
    render_end,
    render_failure,
    render_message,
    render_progress,
    render_start,
    render_text,
)
from sora_gateway.web.telling import tell_result
from tests.surfaces.anthropic.jobs import ended, running, video_job
from tests.surfaces.anthropic.samples import sample

HEAD = Head(id="msg_01k", model="sora_image", prompt="画小猫")
IMAGE = tell_result(MediaKind.IMAGE, "http://gateway/v1/files/a/image/0")


def test_message() -> None:
    """The whole answer, key for key."""
    assert render_message(HEAD, IMAGE) == sample("message.json")


def test_stream() -> None:
    """The grammar, byte for byte."""
    line = "In progress: 45 %\n"
    events = [
        *render_start(HEAD),
        render_text(line),
        render_text(f"\n{IMAGE}"),
        *render_end(f"{line}\n{IMAGE}"),
    ]
    assert b"".join(events).decode() == sample("stream.txt")


def test_stream_that_fails() -> None:
    """An event of the type ``error`` ends it, with the body of an answer."""
    with bound_contextvars(request_id="req_1"):
        failure = render_failure(GatewayError(ErrorKind.CONTENT_REFUSED, "No cats."))
    assert b"".join([*render_start(HEAD), failure]).decode() == sample("stream_failed.txt")


def test_count() -> None:
    """What is counted before is what the answer counts."""
    assert render_count(HEAD.prompt) == {"input_tokens": 3}
    assert render_message(HEAD, IMAGE)["usage"]["input_tokens"] == 3


JOB = video_job()


@pytest.mark.parametrize(
    ("view", "line"),
    [
        (JobView(job=JOB), "Queued\n"),
        (JobView(job=JOB, queue_position=3), "Queued, position 3\n"),
        (JobView(job=JOB, queue_position=3, eta_s=90), "Queued, position 3, about 90 s\n"),
        (JobView(job=running(JOB, 0.456)), "In progress: 45 %\n"),
    ],
)
def test_progress(view: JobView, line: str) -> None:
    """One short line each; siblings are told apart."""
    assert render_progress(view, 1, 1) == line
    assert render_progress(view, 2, 3) == f"2 of 3: {line}"


@pytest.mark.parametrize("phase", [Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED])
def test_the_end_is_no_progress(phase: Phase) -> None:
    """It would stand in the text for good, beside the result that says it."""
    assert render_progress(JobView(job=ended(JOB, phase)), 1, 1) == ""
