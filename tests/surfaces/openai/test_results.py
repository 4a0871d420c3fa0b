"""What became of jobs that a caller waited for."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.media import Variant
from sora_gateway.domain.parameters import resolve
from sora_gateway.surfaces.openai.results import base64_of, encoding_of, is_completed, results_of
from tests.fakes import PNG, fails
from tests.gateway import Gateway


def _job(model: str, **fields: object) -> Job:
    request = resolve({"model": model, "prompt": "x", **fields}).request
    return Job(id="job_1", owner="o", request=request, signature="s", created_at=1.0, updated_at=1.0)


def test_results_are_without_previews(gateway: Gateway) -> None:
    """A video has one result, images as many as were made."""
    video = gateway.generations.completes(_job("sora_video2"))
    images = gateway.generations.completes(_job("sora_image", n=3))
    assert [output.variant for output in results_of(video)] == [Variant.VIDEO]
    assert [output.index for output in results_of(images)] == [0, 1, 2]
    assert is_completed(video)


def test_failed_job_raises(gateway: Gateway) -> None:
    """The job's own kind and words."""
    job = fails(ErrorKind.CONTENT_REFUSED, "No cats.")(_job("sora_image"))
    assert not is_completed(job)
    with pytest.raises(GatewayError) as caught:
        results_of(job)
    assert caught.value.kind is ErrorKind.CONTENT_REFUSED


async def test_base64_and_encoding(gateway: Gateway) -> None:
    """Bare base64; the encoding is what was asked for, else what the file is."""
    (output,) = results_of(gateway.generations.completes(_job("sora_image")))
    services = gateway.app.state.services
    assert base64.b64decode(await base64_of(services, output, None)) == PNG + b"\x00"
    assert base64.b64decode(await base64_of(services, output, "jpeg")) == b"jpeg:" + PNG + b"\x00"
    assert encoding_of(output, None) == "png"
    assert encoding_of(output, "jpeg") == "jpeg"
    odd = replace(output, blob=replace(output.blob, media_type="image/gif"))
    assert encoding_of(odd, None) is None
