"""Errors as Anthropic prints them: one golden body per kind, and those that the framework finds."""

from __future__ import annotations

from typing import get_args

import httpx2
import pytest
from anthropic.types.shared.error_type import ErrorType
from pydantic import TypeAdapter
from structlog.contextvars import bound_contextvars

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import JobError
from sora_gateway.surfaces.anthropic.errors import TYPES, ErrorAnswer, error_of, render_error
from sora_gateway.web.errors import STATUS
from tests.gateway import CHAT_KEY, Gateway, client_of
from tests.surfaces.anthropic.samples import sample
from tests.surfaces.anthropic.wiring import VERSION

GOLDEN = sample("errors.json")

TYPE_OF_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    409: "invalid_request_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    504: "timeout_error",
}


def test_every_kind_has_a_type() -> None:
    """A new kind fails here until it is in the table; the SDK knows each type."""
    assert set(TYPES) == set(ErrorKind)
    assert set(GOLDEN) == {kind.value for kind in ErrorKind}
    assert set(TYPES.values()) <= set(get_args(ErrorType))


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_golden(kind: ErrorKind) -> None:
    """Type, message and the id of the request, nothing else."""
    with bound_contextvars(request_id="req_1"):
        body = render_error(GatewayError(kind, "What was wrong.", param="field", code="own"))
    assert body == GOLDEN[kind.value]
    TypeAdapter(ErrorAnswer).validate_python(body, strict=True)


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_type_goes_with_the_status(kind: ErrorKind) -> None:
    """The SDKs take the class from the status and ``type`` from the body: they must agree."""
    if STATUS[kind] == 503:
        assert TYPES[kind] in ("api_error", "overloaded_error")
    else:
        assert TYPES[kind] == TYPE_OF_STATUS[STATUS[kind]]


def test_outside_of_a_request_there_is_no_id() -> None:
    """The key is there all the same."""
    with bound_contextvars(request_id=None):
        assert render_error(GatewayError(ErrorKind.INTERNAL, "x"))["request_id"] is None


def test_error_of_a_job() -> None:
    """A job's failure becomes the failure of the request that waited."""
    error = error_of(JobError(kind=ErrorKind.CONTENT_REFUSED, message="No cats.", code="content_refused"))
    assert (error.kind, error.message, error.code) == (
        ErrorKind.CONTENT_REFUSED,
        "No cats.",
        "content_refused",
    )


@pytest.mark.parametrize("mount", ["", "/sora"])
@pytest.mark.parametrize(
    ("key", "method", "path", "status", "named"),
    [
        (None, "POST", "/v1/messages", 401, "key"),
        ("wrong", "POST", "/v1/messages", 401, "key"),
        ("wrong", "GET", "/v1/models", 401, "key"),
        (CHAT_KEY, "POST", "/v1/messages", 403, "messages"),
        (CHAT_KEY, "POST", "/v1/messages/count_tokens", 403, "messages"),
        (CHAT_KEY, "GET", "/v1/messages", 405, "POST"),
        (CHAT_KEY, "DELETE", "/v1/messages/count_tokens", 405, "POST"),
        (CHAT_KEY, "POST", "/v1/messages/batches", 404, "/v1/messages/batches"),
        (CHAT_KEY, "GET", "/v1/nothing", 404, "/v1/nothing"),
        (CHAT_KEY, "GET", "/v1/models/org%2Fmodel", 404, "org/model"),
    ],
)
async def test_shape(
    gateway: Gateway, mount: str, key: str | None, method: str, path: str, status: int, named: str
) -> None:
    """Whatever goes wrong has this dialect's body, and the id that its headers show."""
    async with client_of(gateway, key) as client:
        answer = await client.request(method, mount + path, headers=VERSION)
    assert answer.status_code == status
    body = answer.json()
    TypeAdapter(ErrorAnswer).validate_python(body, strict=True)
    assert set(body) == {"type", "error", "request_id"}
    assert body["error"]["type"] == TYPE_OF_STATUS[status]
    assert named in body["error"]["message"]
    assert body["request_id"] == answer.headers["request-id"]


async def test_without_the_version_the_path_decides(gateway: Gateway) -> None:
    """On a shared path OpenAI's shape, below ``/messages`` this one; the key may stand in its old header."""
    async with client_of(gateway, None) as client:
        other = await client.get("/v1/models")
        own = await client.post("/v1/messages")
        keyed = await client.get("/v1/messages", headers={"x-api-key": CHAT_KEY})
    assert set(other.json()) == {"error"}
    assert own.json()["type"] == keyed.json()["type"] == "error"


async def test_unexpected_fault(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A fault of ours says nothing but its id."""

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    gateway.generations.submit = fail  # type: ignore[method-assign, assignment]
    body = {"model": "sora_image", "messages": [{"role": "user", "content": "x"}]}
    answer = await client.post("/v1/messages", json=body)
    assert answer.status_code == 500
    assert answer.json()["error"]["type"] == "api_error"
    assert "secret" not in answer.text
    assert answer.json()["request_id"] == answer.headers["request-id"]
    assert answer.headers["x-should-retry"] == "false"
