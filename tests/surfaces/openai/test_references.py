"""Reference pictures in every form that clients send them."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.surfaces.openai.references import MAX_REFERENCES, references, stored, without
from sora_gateway.web.forms import Form
from tests.gateway import Gateway

NAMES = ("input_reference", "image")
DATA_URL = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize(
    ("fields", "texts"),
    [
        ({}, []),
        ({"input_reference": None}, []),
        ({"input_reference": ""}, []),
        ({"input_reference": "https://example.com/a.png"}, ["https://example.com/a.png"]),
        ({"input_reference": DATA_URL}, [DATA_URL]),
        ({"input_reference": "iVBORw0KGgo="}, ["iVBORw0KGgo="]),
        ({"input_reference": {"image_url": "https://a"}}, ["https://a"]),
        ({"input_reference": {"image_url": {"url": "https://a"}}}, ["https://a"]),
        ({"input_reference": {"url": "https://a"}}, ["https://a"]),
        ({"input_reference": ["https://a", {"image_url": "https://b"}]}, ["https://a", "https://b"]),
        ({"image": [{"image_url": "https://b"}], "input_reference": "https://a"}, ["https://a", "https://b"]),
        ({"other": "https://a"}, []),
    ],
)
def test_texts(fields: dict[str, Any], texts: list[str]) -> None:
    """URLs, data URLs and bare base64, alone, in lists and in objects."""
    assert [reference.source for reference in references(Form(fields=fields), NAMES)] == texts


@pytest.mark.parametrize(
    "value",
    [
        {"file_id": "file_unknown"},
        {"0": "137", "1": "80"},  # a Node Buffer
        {"image_url": 5},
        {},
        7,
        True,
        [["https://a"], 3],
        ["https://a"] * (MAX_REFERENCES + 1),
    ],
)
def test_what_is_no_picture(value: Any) -> None:
    """Refused by the field's name, never ignored."""
    with pytest.raises(GatewayError) as caught:
        references(Form(fields={"input_reference": value}), NAMES)
    assert caught.value.kind is ErrorKind.INVALID_REQUEST
    assert caught.value.param == "input_reference"


def test_without() -> None:
    """The rest of the fields."""
    assert without({"a": 1, "image": 2}, NAMES) == {"a": 1}


async def test_stored(gateway: Gateway) -> None:
    """Texts are fetched by the engine, under the name of their field."""
    found = references(Form(fields={"image": ["https://a", DATA_URL]}), NAMES)
    blobs = await stored(gateway.generations, found)
    assert gateway.generations.fetched == [("image", "https://a"), ("image", DATA_URL)]
    assert [blob.name for blob in blobs] == ["fetched/1", "fetched/2"]
