"""Errors as Google prints them: one golden body per kind."""

from __future__ import annotations

import httpx2
import pytest
from pydantic import TypeAdapter

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import JobError
from sora_gateway.surfaces.gemini.errors import STATUS_NAMES, ErrorEnvelope, error_of, render_error
from sora_gateway.web.errors import STATUS
from tests.gateway import CHAT_KEY, Gateway
from tests.surfaces.gemini.samples import sample
from tests.surfaces.gemini.wiring import gemini_client

GOLDEN = sample("errors.json")


def test_every_kind_has_a_status() -> None:
    """A new kind fails here until it is in the table."""
    assert set(STATUS_NAMES) == set(ErrorKind)
    assert set(GOLDEN) == {kind.value for kind in ErrorKind}


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_golden(kind: ErrorKind) -> None:
    """The code is the HTTP status; the reason is for machines."""
    body = render_error(GatewayError(kind, "What was wrong.", param="field"))
    assert body == GOLDEN[kind.value]
    assert body["error"]["code"] == STATUS[kind]
    TypeAdapter(ErrorEnvelope).validate_python(body, strict=True)


def test_reason_is_the_own_code() -> None:
    """Without a field there is no metadata."""
    (info,) = render_error(GatewayError(ErrorKind.NOT_FOUND, "x", code="unknown_url"))["error"]["details"]
    assert (info["reason"], info["metadata"]) == ("UNKNOWN_URL", {})


def test_error_of_a_job() -> None:
    """A job's failure becomes the failure of the request that waited."""
    error = error_of(JobError(kind=ErrorKind.CONTENT_REFUSED, message="No cats.", code="content_refused"))
    assert (error.kind, error.message, error.code) == (
        ErrorKind.CONTENT_REFUSED,
        "No cats.",
        "content_refused",
    )


VIDEO = "/v1/models/sora_video2:predictLongRunning"


@pytest.mark.parametrize(
    ("key", "method", "path", "code", "status"),
    [
        (None, "GET", "/v1beta/models", 401, "UNAUTHENTICATED"),
        ("wrong", "POST", VIDEO, 401, "UNAUTHENTICATED"),
        (CHAT_KEY, "POST", VIDEO, 403, "PERMISSION_DENIED"),
        (CHAT_KEY, "POST", "/v1beta/models/sora_image:countTokens", 403, "PERMISSION_DENIED"),
        (CHAT_KEY, "POST", "/v1beta/models/sora_image:embedContent", 403, "PERMISSION_DENIED"),
        (CHAT_KEY, "GET", "/v1beta/files/video01k:download", 403, "PERMISSION_DENIED"),
        (CHAT_KEY, "GET", "/v1/operations/video_1", 403, "PERMISSION_DENIED"),
        ("", "GET", "/v1beta/nothing", 404, "NOT_FOUND"),
        ("", "GET", "/v1/models/nothing", 404, "NOT_FOUND"),
        ("", "GET", "/v1/models/sora_video2/operations/video_1", 404, "NOT_FOUND"),
        ("", "GET", "/v1/models/sora_video2/operations/VIDEO!", 404, "NOT_FOUND"),
        ("", "GET", "/v1beta/files/something:download", 404, "NOT_FOUND"),
        ("", "POST", "/v1/models/sora_image:embedContent", 404, "NOT_FOUND"),
        ("", "POST", "/v1beta/models/nothing:countTokens", 404, "NOT_FOUND"),
        ("", "DELETE", "/v1beta/models/sora_image", 405, "UNIMPLEMENTED"),
        ("", "POST", VIDEO, 400, "INVALID_ARGUMENT"),
    ],
)
async def test_over_http(
    gateway: Gateway,
    client: httpx2.AsyncClient,
    key: str | None,
    method: str,
    path: str,
    code: int,
    status: str,
) -> None:
    """Every failure has Google's envelope, those of the framework too ("": a key that may do all)."""
    for mount in ("", "/sora"):
        if key == "":
            answer = await client.request(method, mount + path)
        else:
            async with gemini_client(gateway, key) as other:
                answer = await other.request(method, mount + path)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["status"]) == (code, code, status), answer.text
        assert error["message"]
