"""Requests for responses, read."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import MediaKind
from sora_gateway.surfaces.openai.references import FileId
from sora_gateway.surfaces.openai.responses.translate import (
    translate_create,
    translate_id,
    translate_watching,
)
from sora_gateway.web.forms import Form

URL = "https://example.com/a.png"
TAIL = "01kanar9g0abcdefghjkmnpqrs"
TEXT = {"type": "input_text", "text": "a"}


def _form(given: Any, **fields: Any) -> Form:
    return Form(fields={"model": "sora_image", "input": given, **fields})


def _user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def _image(url: str = URL) -> dict[str, Any]:
    return {"type": "input_image", "image_url": url, "detail": "auto"}


@pytest.mark.parametrize(
    ("given", "prompt", "urls"),
    [
        ("画小猫", "画小猫", []),
        ([{"role": "user", "content": "画小猫"}], "画小猫", []),
        ([{"type": "message", **_user(TEXT, TEXT)}], "a\na", []),
        ([_user(TEXT, _image())], "a", [URL]),
        ([_user(_image("iVBORw0KGgo="), TEXT)], "a", ["iVBORw0KGgo="]),
        ([_user({"type": "input_image", "image_url": {"url": URL}}, TEXT)], "a", [URL]),
        (
            [_user(TEXT, {"type": "input_file", "filename": "a.png", "file_data": "data:,x"})],
            "a",
            ["data:,x"],
        ),
        ([_user(TEXT, {"type": "input_file", "file_url": URL})], "a", [URL]),
        (
            [
                {"role": "developer", "content": "be brief"},
                _user({"type": "input_text", "text": "first"}),
                {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "AAAA"},
                {"role": "user", "content": "last"},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "b"}]},
            ],
            "last",
            [],
        ),
    ],
)
def test_last_wish(given: Any, prompt: str, urls: list[str]) -> None:
    """The input, or its last user message, is the prompt; others have no say."""
    draft = translate_create(_form(given)).draft
    assert draft.fields == {"model": "sora_image", "prompt": prompt}
    assert [(reference.param, reference.source) for reference in draft.references] == [
        ("input", url) for url in urls
    ]


@pytest.mark.parametrize("kind", ["input_image", "input_file"])
def test_files_by_id(kind: str) -> None:
    """A part may name a file instead, with or without the field that is not used."""
    part = {"type": kind, "file_id": "file_1", "image_url": None}
    (reference,) = translate_create(_form([_user(TEXT, part)])).draft.references
    assert reference.source == FileId("file_1")


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "   ",
        [],
        {},
        5,
        ["text"],
        [{"role": "assistant", "content": "x"}],
        [{"role": "user", "content": None}],
        [{"role": "user", "content": ""}],
        [_user()],
        [_user(5)],
        [_user({"text": "x"})],
        [_user(_image())],
        [_user(TEXT, {"type": "input_image"})],
        [_user(TEXT, {"type": "input_image", "image_url": None})],
        [_user(TEXT, {"type": "input_image", "image_url": ""})],
        [_user(TEXT, {"type": "input_image", "file_id": ""})],
        [_user(TEXT, {"type": "input_file", "file_data": ""})],
        [_user(TEXT, {"type": "input_audio", "input_audio": {}})],
        [_user(TEXT, {"type": "input_file", "filename": "a.pdf"})],
        [_user(TEXT, *[_image()] * 17)],
    ],
)
def test_refused_input(given: Any) -> None:
    """400 on ``input``, never a 500, and nothing is dropped in silence."""
    with pytest.raises(GatewayError) as caught:
        translate_create(Form(fields={"model": "sora_image", "input": given}))
    assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, "input")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tools", "image_generation"),
        ("tools", ["image_generation"]),
        ("metadata", "x"),
        ("metadata", {"a": 1}),
        ("stream", "perhaps"),
        ("background", "transparent"),
    ],
)
def test_refused_fields(name: str, value: Any) -> None:
    """What shapes the answer has its own name in the refusal."""
    with pytest.raises(GatewayError) as caught:
        translate_create(_form("x", **{name: value}))
    assert caught.value.param == name


def test_language_model_fields_have_no_meaning() -> None:
    """What is meant for a language model is taken and left alone; our parameters pass, of the query too."""
    fields = {
        "temperature": 1,
        "text": {"format": {"type": "text"}},
        "reasoning": {"effort": "low"},
        "store": False,
        "background": True,
        "prompt": {"id": "pmpt_1"},
        "instructions": "be brief",
        "metadata": {"a": "b"},
        "previous_response_id": "resp_1",
        "hd": True,
    }
    form = Form(fields=_form("x", **fields).fields, query={"seconds": "15", "stream": "true"})
    asked = translate_create(form)
    assert asked.draft.fields == {"model": "sora_image", "prompt": "x", "hd": True, "seconds": "15"}
    assert (asked.is_streamed, asked.is_background) == (False, True)
    assert (asked.instructions, asked.previous_response_id) == ("be brief", "resp_1")
    assert asked.metadata == {"a": "b"}
    assert asked.tools == ()


def _resolved(model: Any, *tools: dict[str, Any], **fields: Any) -> Any:
    draft = translate_create(_form("x", **{"model": model, "tools": list(tools), **fields})).draft
    return draft.resolve(draft.fields)


@pytest.mark.parametrize(
    ("model", "tool", "served"),
    [
        ("gpt-5", {}, "sora_image"),
        ("gpt-4o-2024-08-06", {}, "sora_image"),
        ("o3", {}, "sora_image"),
        ("openai/gpt-5", {}, "sora_image"),
        (None, {}, "sora_image"),
        ("gpt-5", {"model": "gpt-image-1"}, "gpt-image-1"),
        ("gpt-5", {"model": "gpt-image-9.9-mini"}, "sora_image"),
        ("gpt-5", {"model": None}, "sora_image"),
        ("gpt-image-1", {"model": "sora_image"}, "gpt-image-1"),
        ("sora_image", {}, "sora_image"),
        ("sora_video2-hd", {"size": "1024x1024"}, "sora_video2-hd"),
    ],
)
def test_model_with_the_tool(model: str | None, tool: dict[str, Any], served: str) -> None:
    """A language model draws by its tool; our own models do as they are named."""
    assert _resolved(model, {"type": "image_generation", **tool}).request.model == served


@pytest.mark.parametrize(
    ("model", "tools"),
    [
        ("gpt-5", []),
        ("gpt-5", [{"type": "web_search"}]),
        ("sora_vidio2", [{"type": "image_generation"}]),
    ],
)
def test_unknown_model(model: str, tools: list[dict[str, Any]]) -> None:
    """Without the tool a language model is unknown, and a misspelt name always is."""
    with pytest.raises(GatewayError) as caught:
        _resolved(model, *tools)
    assert (caught.value.kind, caught.value.param) == (ErrorKind.MODEL_NOT_FOUND, "model")


def test_fields_of_the_tool() -> None:
    """They count as those of the request; OpenAI's other ones are accepted."""
    tool = {
        "type": "image_generation",
        "size": "1536x1024",
        "output_format": "webp",
        "quality": "high",
        "background": "opaque",
        "moderation": "low",
        "partial_images": 2,
        "action": "generate",
        "input_image_mask": {"image_url": URL},
    }
    resolved = _resolved("gpt-5", {"type": "function", "name": "f"}, tool, size="1536x1024", n=2)
    assert resolved.request.kind is MediaKind.IMAGE
    assert (resolved.request.size, resolved.output_format, resolved.n) == ("1536x1024", "webp", 2)
    assert resolved.ignored == ()


@pytest.mark.parametrize(
    ("tool", "fields", "param"),
    [
        ({"size": "1024x1024"}, {"size": "1536x1024"}, "size"),
        ({"output_format": "gif"}, {}, "output_format"),
        ({"size": "large"}, {}, "size"),
        ({"model": "sora_video2-99s"}, {}, "model"),
    ],
)
def test_refused_tools(tool: dict[str, Any], fields: dict[str, Any], param: str) -> None:
    """A tool that contradicts the request, or asks for what is not made."""
    with pytest.raises(GatewayError) as caught:
        _resolved("gpt-5", {"type": "image_generation", **tool}, **fields)
    assert caught.value.param == param


@pytest.mark.parametrize("encoding", [None, "png", "jpeg", "webp"])
def test_id(encoding: str | None) -> None:
    """An id names its jobs and the format that pictures are wanted in."""
    named = translate_id(f"resp_{TAIL}{encoding or ''}")
    assert named.job_ids == (f"video_{TAIL}", f"image_{TAIL}")
    assert named.encoding == encoding


@pytest.mark.parametrize(
    "text", ["", "resp_", "resp_1", f"video_{TAIL}", f"resp_{TAIL}gif", f"resp_{TAIL}\n"]
)
def test_unknown_id(text: str) -> None:
    """Anything else is not found."""
    with pytest.raises(GatewayError) as caught:
        translate_id(text)
    assert caught.value.kind is ErrorKind.NOT_FOUND


def test_watching() -> None:
    """Whole or streamed, from the beginning or after an event."""
    assert translate_watching({}).after == -1
    asked = translate_watching({"stream": "true", "starting_after": "0", "include": ["x"]})
    assert (asked.is_streamed, asked.after) == (True, 0)
    with pytest.raises(GatewayError, match="starting_after"):
        translate_watching({"starting_after": "x"})
