"""What is said in a conversation."""

from __future__ import annotations

from dataclasses import replace

from sora_gateway.domain.media import MediaKind
from sora_gateway.surfaces.openai.chat.render import (
    Answer,
    Head,
    render_completion,
    render_delta,
    render_end,
    render_picture,
    render_start,
)
from sora_gateway.web.telling import tell_result
from tests.surfaces.openai.jobs import AT
from tests.surfaces.openai.samples import sample

HEAD = Head(id="chatcmpl-01k", created=int(AT), model="sora_image", prompt="画小猫")
IMAGE = Answer(text=tell_result(MediaKind.IMAGE, "http://gateway/v1/files/a/image/0"))
VIDEO = Answer(text=tell_result(MediaKind.VIDEO, "http://gateway/v1/files/a/video/0.mp4"))


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


def test_completion_with_progress() -> None:
    """What was said meanwhile, where it was asked for; it is no part of the usage."""
    told = render_completion(HEAD, replace(IMAGE, reasoning="Completed\n"))
    assert told["choices"][0]["message"].pop("reasoning_content") == "Completed\n"
    assert told == render_completion(HEAD, IMAGE)


def test_stream_of_an_image() -> None:
    """Role, progress, result, end: the grammar, byte for byte."""
    chunks = [
        render_start(HEAD),
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
