"""Reference pictures, found and stored."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.domain.parameters import resolve
from sora_gateway.surfaces.gemini.names import FileName
from sora_gateway.surfaces.gemini.references import Reference, limited, reference_of, stored
from tests.fakes import PNG, caller_of
from tests.gateway import Gateway

URL = "https://example.com/a.png"
DATA = "data:;base64,AAAA"


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ({"bytes_base64_encoded": "AAAA", "mime_type": "image/png"}, DATA),
        ({"image_bytes": "AAAA"}, DATA),
        ({"inline_data": {"data": "AAAA", "mime_type": "image/jpeg"}}, DATA),
        ({"data": "AAAA", "mime_type": "application/octet-stream"}, DATA),
        ({"inline_data": {"data": "data:image/png;base64,AAAA"}}, "data:image/png;base64,AAAA"),
        ({"file_data": {"file_uri": URL, "mime_type": "image/png"}}, URL),
        ({"file_uri": URL}, URL),
        ({"uri": "files/image01k"}, "files/image01k"),
        ({"gcs_uri": URL}, URL),
        (URL, URL),
    ],
)
def test_forms(value: Any, source: str) -> None:
    """Bytes, files, links."""
    assert reference_of(value, "image") == Reference(param="image", source=source)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({}, "no picture"),
        ({"mime_type": "image/png"}, "no picture"),
        ({"inline_data": {}}, "no picture"),
        (5, "no picture"),
        ("", "no picture"),
        ({"gcs_uri": "gs://bucket/a.png"}, "cannot read"),
        ({"inline_data": {"data": "AAAA", "mime_type": "video/mp4"}}, "only pictures"),
        ({"bytes_base64_encoded": "AAAA", "mime_type": "video/mp4"}, "only pictures"),
    ],
)
def test_refused(value: Any, said: str) -> None:
    """400 that names the field."""
    with pytest.raises(GatewayError, match=said) as caught:
        reference_of(value, "image")
    assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, "image")


def test_limited() -> None:
    """Not more than can be meant."""
    assert len(limited([Reference(param="a", source=URL)] * 16, "a")) == 16
    with pytest.raises(GatewayError, match="at most 16"):
        limited([Reference(param="a", source=URL)] * 17, "a")


ME = caller_of("me", Permission.GEMINI)


async def _finished_image(gateway: Gateway, caller: Caller) -> str:
    requests = resolve({"model": "sora_image", "prompt": "x", "n": 2}).requests
    (job,) = await gateway.generations.submit(requests, caller)
    gateway.generations.change(job.id, gateway.generations.completes)
    return job.id


async def test_stored(gateway: Gateway) -> None:
    """Data and links go to the engine, in order."""
    references = [Reference(param="a", source=DATA), Reference(param="b", source=URL)]
    blobs = await stored(gateway.app.state.services, ME, references)
    assert gateway.generations.fetched == [("a", DATA), ("b", URL)]
    assert len(blobs) == 2


async def test_own_file(gateway: Gateway) -> None:
    """A file of the caller's is read from the vault; another's is not there; a video is no picture."""
    job_id = await _finished_image(gateway, ME)
    file = job_id.replace("_", "") + "u1"
    services = gateway.app.state.services
    uri = f"http://gateway/v1beta/files/{file}:download?alt=media"
    await stored(services, ME, [Reference(param="contents", source=uri)])
    assert gateway.generations.stored == [("contents", PNG + b"\x01")]
    with pytest.raises(GatewayError) as caught:
        await stored(services, caller_of("other"), [Reference(param="contents", source=uri)])
    assert caught.value.kind is ErrorKind.NOT_FOUND
    with pytest.raises(GatewayError, match="is a video"):
        await stored(services, ME, [Reference(param="contents", source="files/video01k")])
    assert FileName(job_id=job_id, kind=gateway.generations.job(job_id).kind, index=1).id == file
