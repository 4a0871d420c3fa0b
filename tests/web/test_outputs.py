"""The file of a finished job, or a 404."""

from __future__ import annotations

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Variant
from sora_gateway.web.outputs import output_of
from tests.gateway import Gateway


@pytest.mark.parametrize(
    ("kind", "code", "seen", "seen_code"),
    [
        (ErrorKind.GENERATION_FAILED, "content_refused", ErrorKind.NOT_FOUND, "content_refused"),
        (ErrorKind.GENERATION_FAILED, None, ErrorKind.NOT_FOUND, "generation_failed"),
        (ErrorKind.NOT_READY, "video_not_ready", ErrorKind.NOT_READY, "video_not_ready"),
        (ErrorKind.EXPIRED, "expired", ErrorKind.EXPIRED, "expired"),
    ],
)
async def test_failed_jobs_have_no_file(
    gateway: Gateway, kind: ErrorKind, code: str | None, seen: ErrorKind, seen_code: str
) -> None:
    """A failed job's error becomes that of the missing file; others pass."""

    async def fail(*_: object) -> None:
        raise GatewayError(kind, "Because.", code=code)

    gateway.generations.output = fail  # type: ignore[method-assign, assignment]
    with pytest.raises(GatewayError) as caught:
        await output_of(gateway.app.state.services, "video_1", Variant.VIDEO, 0, None)
    assert (caught.value.kind, caught.value.code, caught.value.message) == (seen, seen_code, "Because.")
