"""Conversations, read."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.starts import Start
from sora_gateway.surfaces.gemini.generate_content.translate import (
    is_sse,
    translate_content,
    translate_counting,
    translate_prediction,
)
from sora_gateway.web.forms import Form

URL = "https://example.com/a.png"
INLINE = {"inlineData": {"mime_type": "image/png", "data": "AAAA"}}
FILE = {"file_data": {"fileUri": URL, "mimeType": "image/png"}}


def _form(contents: Any, **fields: Any) -> Form:
    return Form(fields={"contents": contents, **fields})


def _turn(*parts: Any, role: str | None = "user") -> dict[str, Any]:
    return {"parts": list(parts)} | ({"role": role} if role else {})


@pytest.mark.parametrize(
    ("contents", "prompt", "sources"),
    [
        ([_turn({"text": "画小猫"})], "画小猫", []),
        ([_turn({"text": "a"}, role=None)], "a", []),
        ([_turn({"text": "a"}, {"text": "b"})], "a\nb", []),
        ([_turn({"text": "a"}, INLINE, FILE)], "a", ["data:;base64,AAAA", URL]),
        ({"parts": {"text": "a"}}, "a", []),
        ([{"parts": "a"}], "a", []),
        ("a", "a", []),
        ([_turn("a", {"text": " "})], "a", []),
        (
            [
                _turn(INLINE, {"text": "first"}),
                _turn({"text": "said"}, INLINE, role="model"),
                _turn({"text": "last"}),
                _turn({"functionResponse": {}}, role="function"),
            ],
            "last",
            [],
        ),
    ],
)
def test_last_turn(contents: Any, prompt: str, sources: list[str]) -> None:
    """The last turn of the user is the prompt; the others have no say."""
    draft = translate_content(_form(contents), "sora_image")
    assert draft.wish.fields == {"model": "sora_image", "prompt": prompt}
    assert [reference.source for reference in draft.references] == sources
    assert draft.kind is None


@pytest.mark.parametrize(
    "contents",
    [
        None,
        [],
        "",
        5,
        ["text"],
        [_turn({"text": "x"}, role="model")],
        [_turn()],
        [_turn({"text": " "})],
        [{"role": "user"}],
        [{"parts": 5}],
        [_turn(5)],
        [_turn({})],
        [_turn({"text": 5})],
        [_turn({"functionCall": {"name": "f"}}, {"text": "a"})],
        [_turn({"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}}, {"text": "a"})],
        [_turn({"inlineData": {}}, {"text": "a"})],
        [_turn({"fileData": {"fileUri": "gs://a/b"}}, {"text": "a"})],
        [_turn({"text": "a"}, *[FILE] * 17)],
    ],
)
def test_refused(contents: Any) -> None:
    """400 on ``contents``, never a 500, and nothing is dropped in silence."""
    with pytest.raises(GatewayError) as caught:
        translate_content(_form(contents), "sora_image")
    assert (caught.value.param, caught.value.kind) == ("contents", ErrorKind.INVALID_REQUEST)


@pytest.mark.parametrize("name", ["generationConfig", "generation_config"])
def test_config(name: str) -> None:
    """In either spelling; language fields have no meaning; the query counts too."""
    config = {
        "temperature": 1,
        "responseModalities": ["IMAGE"],
        "image_config": {"aspectRatio": "3:2"},
        "n": 2,
    }
    form = Form(
        fields={"contents": "x", name: config, "systemInstruction": {"parts": []}, "tools": []},
        query={"private": "true", "alt": "sse"},
    )
    wish = translate_content(form, "sora_image").wish
    assert wish.fields == {"model": "sora_image", "prompt": "x", "n": 2, "private": "true"}
    assert wish.aspect_ratio == "3:2"
    assert wish.ignored == ()


def test_prediction() -> None:
    """Makes pictures, nothing else."""
    draft = translate_prediction(Form(fields={"instances": [{"prompt": "x"}]}), "sora_image")
    assert draft.kind is MediaKind.IMAGE


@pytest.mark.parametrize(
    "fields",
    [
        {"contents": [_turn({"text": "a"}, INLINE), _turn({"text": "b"}, role="model")]},
        {"generateContentRequest": {"model": "models/m", "contents": [_turn({"text": "a"}, {"text": "b"})]}},
    ],
)
def test_counting(fields: dict[str, Any]) -> None:
    """The text of all turns."""
    assert translate_counting(Form(fields=fields)) == "a\nb"


def test_counting_nothing() -> None:
    """400."""
    with pytest.raises(GatewayError, match="contents"):
        translate_counting(Form(fields={}))


@pytest.mark.parametrize(
    ("query", "expected"), [({"alt": "sse"}, True), ({"alt": "json"}, False), ({}, False)]
)
def test_is_sse(query: dict[str, str], expected: bool) -> None:
    """Events only for those who ask."""
    assert is_sse(query) is expected


def test_what_was_said_before() -> None:
    """Texts and pictures of the model before the last wish, the newest turn first."""
    contents = [
        _turn({"text": "x"}),
        _turn({"text": "one"}, role="model"),
        _turn({"text": "y"}),
        _turn({"text": "two"}, INLINE, {"functionCall": {}}, "three", role="model"),
        _turn({"text": "z"}),
        _turn({"text": "after"}, role="model"),
    ]
    said = translate_content(_form(contents), "sora_image").said
    assert said == ("two", "data:image/png;base64,AAAA", "one")
    assert translate_content(_form([*contents, _turn({"text": "z"}, FILE)]), "sora_image").said == ()


def test_a_video_that_is_named() -> None:
    """It is to be changed; its name is no part of the prompt."""
    video_id = "video_" + "0123456789" * 2 + "abcdef"
    draft = translate_content(_form(f"{video_id} at night"), "sora_video2")
    assert draft.start == Start(param="contents", job_id=video_id)
    assert draft.wish.fields["prompt"] == "at night"
