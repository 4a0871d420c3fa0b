"""The video that a text names."""

from __future__ import annotations

import time

import pytest

from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.starts import Start, find_start, read_start

JOB = "video_" + "01kanar9g0" * 2 + "abcdef"
OTHER = "video_" + "0" * 26
POST = "s_" + "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("text", "job_id", "post_id", "rest"),
    [
        (JOB, JOB, None, ""),
        (f"{JOB} at night", JOB, None, "at night"),
        (f"make ({JOB}) blue", JOB, None, "make ( ) blue"),
        (f"https://host/sora/v1/videos/{JOB}/content?variant=video at night", JOB, None, "at night"),
        (f"at night https://host/v1/files/{JOB}/video/0?exp=1&sig=a", JOB, None, "at night"),
        (f"![it](https://host/v1/files/{JOB}/video/0?exp=1) at night", JOB, None, "! at night"),
        (f"[it](https://host/v1/files/{JOB}/video/0?exp=1) at night", JOB, None, "at night"),
        (
            f'<video src="https://h/v1/files/{JOB}/video/0" controls></video>\n\nat night',
            JOB,
            None,
            "at night",
        ),
        (f"https://sora.chatgpt.com/p/{POST}?psh=x 再加一只小狗", None, POST, "再加一只小狗"),
        (f"再加一只小狗 {POST}", None, POST, "再加一只小狗"),
        (f"{POST} and {JOB}", None, POST, f"and {JOB}"),
        (f"{JOB} and {OTHER}", JOB, None, f"and {OTHER}"),
    ],
)
def test_found(text: str, job_id: str | None, post_id: str | None, rest: str) -> None:
    """An id or a link, ours or of a shared post, is taken out of the text."""
    assert find_start(text, param="prompt") == (Start(param="prompt", job_id=job_id, post_id=post_id), rest)


def test_an_answer_of_ours() -> None:
    """A chat's answer, sent back with a wish, names its video twice; nothing of it stays."""
    link = f"https://host/sora/v1/files/{JOB}/video/0?exp=1&sig=abc"
    text = f'<video src="{link}" controls></video>\n\n[Download video]({link})\n\nmake it blue'
    found = find_start(text, param="messages")
    assert found == (Start(param="messages", job_id=JOB), "make it blue")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a boat",
        "video_1",
        f"x{JOB}",
        f"{JOB}0",
        f"my-{JOB}",
        "s_abc",
        f"{POST}0",
        f"its_{'a' * 32}",
        "https://sora.chatgpt.com/p/",
    ],
)
def test_names_none(text: str) -> None:
    """Words that only look like one."""
    assert find_start(text, param="prompt") is None


@pytest.mark.timeout(5)
@pytest.mark.parametrize("piece", ["http://", "https://a/p/", "[", "<video ", "s_a", "video_"])
def test_no_text_takes_long(piece: str) -> None:
    """The longest prompt of the worst kind is read at once."""
    assert find_start(piece * (32_000 // len(piece)), param="prompt") is None


def test_field() -> None:
    """A field names one video and says nothing else."""
    assert read_start(None, param="p") is None
    assert read_start("", param="p") is None
    assert read_start(f" {JOB} ", param="p") == Start(param="p", job_id=JOB)
    for value in (f"{JOB} at night", "a boat", 7, [JOB]):
        with pytest.raises(GatewayError) as caught:
            read_start(value, param="remix_target_id")
        assert caught.value.param == "remix_target_id"


def test_a_text_of_names_takes_no_time() -> None:
    """As many names as a prompt has room for cost little more than reading it once."""
    text = " ".join([JOB] * 900) + " at night"
    started_s = time.process_time()
    assert find_start(text, param="prompt") == (Start(param="prompt", job_id=JOB), "at night")
    assert time.process_time() - started_s < 0.3


def test_a_link_that_is_called_like_its_video() -> None:
    """Name, link and markdown go together."""
    text = f"[{JOB}](https://host/v1/videos/{JOB}/content) at night"
    assert find_start(text, param="prompt") == (Start(param="prompt", job_id=JOB), "at night")
