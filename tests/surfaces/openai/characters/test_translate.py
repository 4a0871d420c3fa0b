"""Requests for characters, read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sora_gateway.domain.character_fields import CharacterWish
from sora_gateway.domain.errors import GatewayError
from sora_gateway.ports.media import LocalFile
from sora_gateway.surfaces.openai.characters.translate import translate_character
from sora_gateway.web.forms import Form, Upload

CAME_IN = LocalFile(path=Path("spool"), size_bytes=1, digest="0" * 64)

FILE = Upload("a.mp4", CAME_IN)


@pytest.mark.parametrize(
    ("fields", "wish", "file_id", "param"),
    [
        ({"url": " https://a/b.mp4 "}, CharacterWish(url="https://a/b.mp4"), None, "url"),
        ({"url": {"url": "https://a"}}, CharacterWish(url="https://a"), None, "url"),
        (
            {"file": "data:video/mp4;base64,AAAA"},
            CharacterWish(url="data:video/mp4;base64,AAAA"),
            None,
            "file",
        ),
        ({"file": "file_1"}, CharacterWish(), "file_1", "file"),
        ({"video": {"file_id": "file_1"}}, CharacterWish(), "file_1", "video"),
        ({"video": {"id": "video_1"}}, CharacterWish(from_task="video_1"), None, "video"),
        ({"video": "video_1"}, CharacterWish(from_task="video_1"), None, "video"),
        ({"from_task": "video_1"}, CharacterWish(from_task="video_1"), None, "from_task"),
    ],
)
def test_sources(fields: dict[str, Any], wish: CharacterWish, file_id: str | None, param: str) -> None:
    """A text, a finished video, the id of a file: each under the caller's own word for it."""
    asked = translate_character(Form(fields={**fields, "name": "Rusty", "colour": "red"}))
    assert (asked.wish, asked.file_id, asked.upload, asked.name) == (wish, file_id, None, "Rusty")
    assert (asked.names.url, asked.names.task, asked.names.timestamps) == (param, param, "timestamps")


@pytest.mark.parametrize("name", ["file", "video", "url"])
def test_a_file(name: str) -> None:
    """A file under any of the names; the seconds may stand in the query."""
    asked = translate_character(Form(fields={}, files={name: (FILE,)}, query={"timestamps": "1,3"}))
    assert (asked.upload, asked.wish) == (FILE, CharacterWish(start_s=1.0, end_s=3.0))


@pytest.mark.parametrize(
    ("form", "param", "named"),
    [
        (Form(fields={}), "url", ["url", "file", "video", "from_task"]),
        (Form(fields={"url": "", "from_task": None}), "url", ["from_task"]),
        (Form(fields={"url": "https://a", "from_task": "video_1"}), "from_task", ["url", "from_task"]),
        (Form(fields={"from_task": "video_1"}, files={"video": (FILE,)}), "from_task", ["video"]),
        (Form(fields={}, files={"file": (FILE, FILE)}), "file", ["file, file"]),
        (Form(fields={"file": "https://a"}, files={"file": (FILE,)}), "file", ["file, file"]),
        (Form(fields={"url": "https://a"}, query={"url": "https://b"}), "url", ["body", "query"]),
        (Form(fields={"url": 7}), "url", ["7"]),
        (Form(fields={"video": {"id": ""}}), "video", []),
        (Form(fields={"from_task": {"id": "video_1"}}), "from_task", []),
        (Form(fields={"from_task": "v", "timestamps": "0,9"}), "timestamps", ["0,9"]),
        (Form(fields={"from_task": "v", "name": "x" * 81}), "name", ["80"]),
    ],
)
def test_refused(form: Form, param: str, named: list[str]) -> None:
    """Exactly one source; the message names what was given."""
    with pytest.raises(GatewayError) as caught:
        translate_character(form)
    assert caught.value.param == param
    assert all(word in caught.value.message for word in named)
