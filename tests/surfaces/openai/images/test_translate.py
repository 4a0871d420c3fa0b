"""Requests of the Images API, read."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.model_names import TRAITS, Family, capabilities, parse_model_name
from sora_gateway.surfaces.openai.images.translate import (
    VARIATION_PROMPT,
    translate_edit,
    translate_generation,
    translate_variation,
)
from sora_gateway.surfaces.openai.references import MAX_REFERENCES
from sora_gateway.web.forms import Form


def test_generation() -> None:
    """What shapes the answer is told apart from what is made."""
    form = Form(
        fields={"prompt": "x", "n": 2, "response_format": "url", "stream": "true", "quality": "high"},
        query={"size": "1024x1536"},
    )
    asked = translate_generation(form)
    assert asked.draft.fields == {"prompt": "x", "n": 2, "quality": "high", "size": "1024x1536"}
    assert (asked.as_url, asked.is_streamed) == (True, True)


def test_base64_is_the_default() -> None:
    """Some clients accept nothing else."""
    asked = translate_generation(Form(fields={"prompt": "x", "response_format": None, "stream": None}))
    assert (asked.as_url, asked.is_streamed) == (False, False)
    empty = translate_generation(Form(fields={"prompt": "x", "response_format": "", "partial_images": ""}))
    assert (empty.as_url, empty.partial_images) == (False, 0)


def test_answering_fields_in_the_query() -> None:
    """As every field; the same in both is no contradiction."""
    query = {"response_format": "url", "stream": "true", "partial_images": "2"}
    for fields in ({}, {"response_format": "url", "stream": True, "partial_images": 2}):
        asked = translate_generation(Form(fields={"prompt": "x", **fields}, query=query))
        assert (asked.as_url, asked.is_streamed, asked.partial_images) == (True, True, 2)


@pytest.mark.parametrize("value", [0, 1, 2, 3, "0", "3", " 1 ", None])
def test_partial_images(value: Any) -> None:
    """Numbers, and texts as forms have them."""
    asked = translate_generation(Form(fields={"prompt": "x", "partial_images": value}))
    assert asked.partial_images == int(value or 0)
    assert asked.draft.fields == {"prompt": "x"}


def test_response_formats_are_those_that_are_told() -> None:
    """``GET /v1/models`` lists what is read here."""
    block: Any = capabilities(parse_model_name("sora_image"))
    for value in block["parameters"]["response_format"]["values"]:
        asked = translate_generation(Form(fields={"prompt": "x", "response_format": value}))
        assert asked.as_url == (value == "url")
    assert block["inputs"]["maximum"] == MAX_REFERENCES == TRAITS[Family.IMAGE].max_inputs


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": "gif"}, "response_format"),
        ({"response_format": 1}, "response_format"),
        ({"response_format": ["url"]}, "response_format"),
        ({"stream": "x"}, "stream"),
        ({"partial_images": 4}, "partial_images"),
        ({"partial_images": -1}, "partial_images"),
        ({"partial_images": "4"}, "partial_images"),
        ({"partial_images": "many"}, "partial_images"),
        ({"partial_images": 1.5}, "partial_images"),
        ({"partial_images": True}, "partial_images"),
        ({"partial_images": [1]}, "partial_images"),
        ({"image": ["https://a"] * (MAX_REFERENCES + 1)}, "image"),
    ],
)
def test_refused(fields: dict[str, Any], param: str) -> None:
    """Named, with what is allowed."""
    with pytest.raises(GatewayError) as caught:
        translate_generation(Form(fields={"prompt": "x", **fields}))
    assert caught.value.kind is ErrorKind.INVALID_REQUEST
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("param", "body", "query"),
    [("response_format", "url", "b64_json"), ("stream", True, "false"), ("partial_images", 1, "2")],
)
def test_contradictions(param: str, body: Any, query: str) -> None:
    """Body and query say the same, or the request is refused."""
    with pytest.raises(GatewayError, match="in the query") as caught:
        translate_generation(Form(fields={"prompt": "x", param: body}, query={param: query}))
    assert caught.value.param == param


@pytest.mark.parametrize(
    "fields",
    [
        {"image": "https://a"},
        {"image": ["https://a"]},
        {"images": [{"image_url": "https://a"}]},
        {"input_reference": "https://a"},
    ],
)
def test_edit(fields: dict[str, Any]) -> None:
    """The picture under any of its names."""
    asked = translate_edit(Form(fields={"prompt": "x", **fields}))
    assert [reference.source for reference in asked.draft.references] == ["https://a"]
    assert asked.draft.fields == {"prompt": "x"}


def test_edit_without_a_picture() -> None:
    """There is nothing to change."""
    with pytest.raises(GatewayError) as caught:
        translate_edit(Form(fields={"prompt": "x"}))
    assert caught.value.param == "image"


@pytest.mark.parametrize("prompt", [{}, {"prompt": None}, {"prompt": ""}, {"prompt": "  "}])
def test_variation(prompt: dict[str, Any]) -> None:
    """A picture without words gets ours, and the caller is told."""
    asked = translate_variation(Form(fields={"image": "https://a", "n": 2, **prompt}))
    assert asked.draft.fields == {"prompt": VARIATION_PROMPT, "n": 2}
    assert asked.revised_prompt == VARIATION_PROMPT
    assert [reference.param for reference in asked.draft.references] == ["image"]


def test_variation_with_a_prompt() -> None:
    """The caller's own words, in the body or in the query, are left alone."""
    for form in (
        Form(fields={"image": "https://a", "prompt": "bluer"}),
        Form(fields={"image": "https://a"}, query={"prompt": "bluer"}),
    ):
        asked = translate_variation(form)
        assert (asked.draft.fields["prompt"], asked.revised_prompt) == ("bluer", None)


@pytest.mark.parametrize(
    ("fields", "param", "kind"),
    [
        ({}, "image", ErrorKind.INVALID_REQUEST),
        ({"image": ""}, "image", ErrorKind.INVALID_REQUEST),
        ({"image": "https://a", "stream": True}, "stream", ErrorKind.UNSUPPORTED),
    ],
)
def test_variation_refused(fields: dict[str, Any], param: str, kind: ErrorKind) -> None:
    """There is nothing to vary, or nothing to stream."""
    with pytest.raises(GatewayError) as caught:
        translate_variation(Form(fields=fields))
    assert (caught.value.param, caught.value.kind) == (param, kind)
