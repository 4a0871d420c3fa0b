"""Reference pictures in every form that clients send them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Permission
from sora_gateway.domain.parameters import resolve
from sora_gateway.surfaces.openai.references import MAX_REFERENCES, FileId, references, stored, without
from sora_gateway.web.forms import Form
from sora_gateway.web.state import Services
from tests.fakes import MP4, PNG, caller_of
from tests.gateway import Gateway

NAMES = ("input_reference", "image")
MINE = caller_of("licence-mine", Permission.VIDEOS)
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
        ({"input_reference": {"file_id": "file_1"}}, [FileId("file_1")]),
        ({"image": [{"file_id": "file_1"}, "https://a"]}, [FileId("file_1"), "https://a"]),
        ({"other": "https://a"}, []),
    ],
)
def test_texts(fields: dict[str, Any], texts: list[str | FileId]) -> None:
    """URLs, data URLs, bare base64 and ids of files, alone, in lists and in objects."""
    assert [reference.source for reference in references(Form(fields=fields), NAMES)] == texts


@pytest.mark.parametrize(
    "value",
    [
        {"file_id": ""},
        {"file_id": 5},
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
    blobs = await stored(services_of(gateway), MINE, found)
    assert gateway.generations.fetched == [("image", "https://a"), ("image", DATA_URL)]
    assert [blob.name for blob in blobs] == ["fetched/1", "fetched/2"]


def services_of(gateway: Gateway) -> Services:
    """Return what routes get."""
    services: Services = gateway.app.state.services
    return services


async def _file(gateway: Gateway, data: bytes) -> str:
    async def pieces() -> AsyncIterator[bytes]:
        yield data

    files = services_of(gateway).files
    return (await files.add(pieces(), MINE, name="a", purpose="vision", param="file")).id


async def test_files_are_copied(gateway: Gateway) -> None:
    """The job gets a copy of its own, which stays when the file goes."""
    file_id = await _file(gateway, PNG)
    found = references(Form(fields={"input_reference": {"file_id": file_id}}), NAMES)
    (blob,) = await stored(services_of(gateway), MINE, found)
    assert gateway.generations.stored == [("input_reference", PNG)]
    await services_of(gateway).files.delete(file_id, MINE)
    assert gateway.vault.files == {blob.name: PNG}


async def test_results_are_references_too(gateway: Gateway) -> None:
    """A finished image is named by its job's id; one that is not finished is refused."""
    (job,) = await gateway.generations.submit([resolve({"model": "sora_image", "prompt": "x"}).request], MINE)
    found = references(Form(fields={"image": {"file_id": job.id}}), NAMES)
    with pytest.raises(GatewayError, match="not finished") as caught:
        await stored(services_of(gateway), MINE, found)
    assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, "image")
    gateway.generations.change(job.id, gateway.generations.completes)
    await stored(services_of(gateway), MINE, found)
    assert gateway.generations.stored == [("image", PNG + b"\x00")]


async def test_ids_that_name_no_picture(gateway: Gateway) -> None:
    """Unknown, another's or a video: 400 that names the field and says why."""
    mine, clip = await _file(gateway, PNG), await _file(gateway, MP4)
    other = caller_of("licence-other", Permission.VIDEOS)
    for caller, file_id, words in (
        (MINE, "file_unknown", "No file with id 'file_unknown' exists"),
        (MINE, "video_unknown", "No file with id 'video_unknown' exists"),
        (other, mine, f"No file with id '{mine}' exists"),
        (MINE, clip, "must name a picture; .* is a video"),
    ):
        found = references(Form(fields={"image": {"file_id": file_id}}), NAMES)
        with pytest.raises(GatewayError, match=words) as caught:
            await stored(services_of(gateway), caller, found)
        assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, "image")
    assert gateway.generations.stored == []
