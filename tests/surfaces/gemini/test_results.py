"""What became of jobs."""

from __future__ import annotations

import base64

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Output, Variant
from sora_gateway.surfaces.gemini.results import embedded_of, media_type_of, results_of
from tests.fakes import PNG
from tests.gateway import Gateway
from tests.surfaces.gemini.jobs import completed, failed, video_job


def test_results() -> None:
    """The main files of a completed job; the error of one that failed."""
    assert [output.variant for output in results_of(completed(video_job()))] == [Variant.VIDEO]
    with pytest.raises(GatewayError, match="No cats") as caught:
        results_of(failed(video_job()))
    assert caught.value.kind is ErrorKind.CONTENT_REFUSED


async def test_pictures(gateway: Gateway) -> None:
    """As they are, or as asked for."""
    blob = gateway.vault.put("a", PNG, "image/png")
    output = Output(variant=Variant.IMAGE, index=0, blob=blob)
    services = gateway.app.state.services
    assert media_type_of(output, None) == "image/png"
    assert media_type_of(output, "webp") == "image/webp"
    assert base64.b64decode(await (await embedded_of(services, output, None)).text()) == PNG
    assert base64.b64decode(await (await embedded_of(services, output, "webp")).text()) == b"webp:" + PNG
