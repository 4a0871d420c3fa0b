"""What is said in a conversation."""

from __future__ import annotations

import pytest

from sora_gateway.domain.jobs import Job
from sora_gateway.domain.media import MediaKind
from sora_gateway.engine.generations import JobView
from sora_gateway.surfaces.openai.chat.render import (
    Answer,
    Head,
    render_completion,
    render_delta,
    render_end,
    render_failed,
    render_link,
    render_picture,
    render_progress,
    render_unfinished,
)
from tests.surfaces.openai.jobs import AT, completed, running, video_job
from tests.surfaces.openai.samples import sample

HEAD = Head(id="chatcmpl-01k", created=int(AT), model="sora_image", prompt="画小猫")
IMAGE = Answer(text=render_link(MediaKind.IMAGE, "http://gateway/v1/files/a/image/0"))
VIDEO = Answer(text=render_link(MediaKind.VIDEO, "http://gateway/v1/files/a/video/0.mp4"))


def test_completion() -> None:
    """The whole answer, key for key."""
    assert render_completion(HEAD, IMAGE) == sample("chat_completion.json")


def test_completion_with_pictures() -> None:
    """Pictures beside no text."""
    answer = Answer(images=(render_picture("data:image/png;base64,AAAA", 0),))
    message = render_completion(HEAD, answer)["choices"][0]["message"]
    assert message["content"] == ""
    assert message["images"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}, "index": 0}
    ]


def test_stream_of_an_image() -> None:
    """Role, progress, result, end: the grammar, byte for byte."""
    chunks = [
        render_delta(HEAD, {"role": "assistant", "content": ""}),
        render_delta(HEAD, {"reasoning_content": "In progress: 45 %\n"}),
        *render_end(HEAD, IMAGE),
    ]
    assert b"".join(chunks).decode() == sample("chat_stream_image.txt")


def test_stream_with_usage() -> None:
    """``usage`` is null until its own chunk, which has no choices."""
    head = Head(id="chatcmpl-01k", created=int(AT), model="sora_video2", prompt="x", has_usage=True)
    chunks = [render_delta(head, {"role": "assistant", "content": ""}), *render_end(head, VIDEO)]
    assert b"".join(chunks).decode() == sample("chat_stream_video.txt")


def test_pictures_have_a_chunk_of_their_own() -> None:
    """Some clients keep only one of text and images."""
    picture = render_picture("data:image/png;base64,AAAA", 0)
    chunks = render_end(HEAD, Answer(text="One failed.", images=(picture,)))
    assert b'"content":"One failed."' in chunks[0]
    assert b"images" not in chunks[0]
    assert b'"images":[' in chunks[1]
    assert b"content" not in chunks[1]


JOB = video_job()


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
    """One line each; siblings are told apart."""
    assert render_progress(view, 1, 1) == line
    assert render_progress(view, 2, 3) == f"2 of 3: {line}"


def test_links() -> None:
    """A picture is markdown; a video is a tag on a line of its own and a link after a blank line."""
    assert IMAGE.text == "![image](http://gateway/v1/files/a/image/0)"
    tag, blank, link = VIDEO.text.split("\n")
    assert tag == '<video src="http://gateway/v1/files/a/video/0.mp4" controls></video>'
    assert (blank, link) == ("", "[Download video](http://gateway/v1/files/a/video/0.mp4)")


def test_what_is_not_there() -> None:
    """An unfinished job is named with its link, a failed one with its reason."""
    job: Job = JOB
    text = render_unfinished(MediaKind.VIDEO, job.id, "http://link")
    assert f"`{job.id}`" in text
    assert "(http://link)" in text
    assert "No cats." in render_failed("No cats.")
