"""The parts of a message."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.starts import Start
from sora_gateway.surfaces.openai.chat.parts import Wish, read_parts, texts_of
from sora_gateway.surfaces.openai.references import FileId, Reference
from tests.fakes import MP4, PNG

URL = "https://example.com/a.png"
CLIP = "https://example.com/v.mp4"
VIDEO, OTHER = "video_" + "0123456789" * 2 + "abcdef", "video_" + "9876543210" * 2 + "abcdef"
PNG64, MP464 = base64.b64encode(PNG).decode(), base64.b64encode(MP4).decode()
WEBM64 = base64.b64encode(b"\x1a\x45\xdf\xa3 webm and more").decode()
MOV64 = base64.b64encode(b"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat").decode()
AVIF64 = base64.b64encode(b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1").decode()


def _picture(source: str | FileId) -> Wish:
    return Wish(texts=(), pictures=(Reference(param="messages", source=source),))


def _clip(source: str) -> Wish:
    return Wish(texts=(), clip=source)


def _file(**file: str) -> dict[str, Any]:
    return {"type": "file", "file": file}


@pytest.mark.parametrize(
    ("part", "wish"),
    [
        ("a", Wish(texts=("a",))),
        ({"type": "text", "text": "a"}, Wish(texts=("a",))),
        ({"type": "input_text", "text": "a"}, Wish(texts=("a",))),
        ({"type": "image_url", "image_url": {"url": URL, "detail": "low"}}, _picture(URL)),
        ({"type": "image_url", "image_url": URL}, _picture(URL)),
        ({"type": "input_image", "image_url": URL}, _picture(URL)),
        ({"type": "video_url", "video_url": {"url": CLIP}}, _clip(CLIP)),
        ({"type": "video_url", "video_url": CLIP}, _clip(CLIP)),
        ({"type": "video_url", "video_url": MP464}, _clip(MP464)),
        (
            {"type": "video_url", "video_url": f"http://gw/v1/videos/{VIDEO}/content"},
            Wish(texts=(), start=Start(param="messages", job_id=VIDEO)),
        ),
        (_file(file_data=PNG64), _picture(PNG64)),
        (_file(file_data=AVIF64), _picture(AVIF64)),
        (
            _file(file_data=f"data:video/mp4;base64,{PNG64}", filename="a.mp4"),
            _picture(f"data:video/mp4;base64,{PNG64}"),
        ),
        (_file(file_data="data:image/png,abc"), _picture("data:image/png,abc")),
        (_file(file_data="!"), _picture("!")),
        (_file(file_data=MP464, filename="a.png"), _clip(MP464)),
        (_file(file_data=f"data:image/png;base64,{MP464}"), _clip(f"data:image/png;base64,{MP464}")),
        (_file(file_data=WEBM64), _clip(WEBM64)),
        (_file(file_data=MOV64), _clip(MOV64)),
        (_file(file_id="file_1"), _picture(FileId("file_1"))),
        (_file(file_id="image_1"), _picture(FileId("image_1"))),
        (_file(file_id=VIDEO), Wish(texts=(), start=Start(param="messages", job_id=VIDEO))),
    ],
)
def test_part(part: Any, wish: Wish) -> None:
    """Texts, pictures, clips and videos of ours; the content of a file decides what it is."""
    assert read_parts([part]) == wish


def test_text() -> None:
    """A message may be a text."""
    assert read_parts("a") == Wish(texts=("a",))


def test_the_same_video_twice() -> None:
    """It is one."""
    part = {"type": "video_url", "video_url": CLIP}
    assert read_parts([part, part]) == _clip(CLIP)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "text or a list"),
        ({"text": "x"}, "text or a list"),
        ([5], "object"),
        ([{"text": "a"}], "object"),
        ([{"type": "input_audio", "input_audio": {}}], "'input_audio' cannot be used"),
        ([{"type": "input_audio", "input_audio": {}}], "image_url"),
        ([{"type": "image_url", "image_url": 5}], "incomplete"),
        ([{"type": "image_url", "image_url": ""}], "incomplete"),
        ([{"type": "video_url", "video_url": {}}], "incomplete"),
        ([{"type": "file"}], "incomplete"),
        ([_file()], "file_data"),
        ([_file(file_data=" ")], "file_data"),
        ([{"type": "image_url", "image_url": URL}] * 17, "at most 16"),
        ([{"type": "video_url", "video_url": one} for one in (CLIP, MP464)], "one is allowed"),
        ([{"type": "video_url", "video_url": one} for one in (VIDEO, OTHER)], "one is allowed"),
    ],
)
def test_refused(content: Any, words: str) -> None:
    """With what can be used."""
    with pytest.raises(GatewayError, match=words) as caught:
        read_parts(content)
    assert caught.value.param == "messages"


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("a", ["a"]),
        (None, []),
        ([{"type": "text", "text": "a"}, "b", 5, {"type": "refusal"}], ["a", "b"]),
        (
            [{"type": "image_url", "image_url": {"url": URL}}, {"type": "video_url", "video_url": CLIP}],
            [URL, CLIP],
        ),
        ({"type": "text", "text": "a"}, ["a"]),
    ],
)
def test_texts(content: Any, texts: list[str]) -> None:
    """Of any content, whatever else is in it."""
    assert list(texts_of(content)) == texts
