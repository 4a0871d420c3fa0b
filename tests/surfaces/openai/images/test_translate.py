"""Requests of the Images API, read."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.errors import GatewayError
from sora_gateway.surfaces.openai.images.translate import translate_edit, translate_generation
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
    in_query = translate_generation(Form(fields={"prompt": "x"}, query={"response_format": "url"}))
    assert in_query.as_url


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": "gif"}, "response_format"),
        ({"response_format": 1}, "response_format"),
        ({"stream": "x"}, "stream"),
    ],
)
def test_refused(fields: dict[str, Any], param: str) -> None:
    """Named, with what is allowed."""
    with pytest.raises(GatewayError) as caught:
        translate_generation(Form(fields={"prompt": "x", **fields}))
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
