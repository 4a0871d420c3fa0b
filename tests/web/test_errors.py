"""Every failure has a status, headers that say what to do next, and the dialect's body."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from fastapi.exceptions import RequestValidationError

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.web.dialect import Dialect
from sora_gateway.web.errors import (
    NEVER_AGAIN,
    STATUS,
    from_validation_error,
    headers_of,
    install,
)
from tests.gateway import Gateway, build_gateway, client_of

_RESENT = {408, 409, 429, *range(500, 600)}


def test_every_kind_has_a_status() -> None:
    """A new kind fails here until it is in the table."""
    assert set(STATUS) == set(ErrorKind)


def test_never_again_holds_only_what_would_be_sent_again() -> None:
    """The header is for statuses that SDKs repeat by themselves."""
    assert {STATUS[kind] for kind in NEVER_AGAIN} <= _RESENT


@pytest.mark.parametrize(
    ("kind", "retry_after_s", "is_creating", "expected"),
    [
        (ErrorKind.INVALID_REQUEST, None, True, {}),
        (ErrorKind.RATE_LIMITED, 2.1, True, {"retry-after": "3"}),
        (ErrorKind.QUEUE_FULL, 0.0, True, {"retry-after": "1"}),
        (ErrorKind.QUEUE_FULL, 60, True, {"retry-after": "60"}),
        (ErrorKind.QUEUE_FULL, 61, True, {"retry-after": "61", "x-should-retry": "false"}),
        (ErrorKind.INSUFFICIENT_QUOTA, 3600, True, {"retry-after": "3600", "x-should-retry": "false"}),
        (ErrorKind.CONFLICT, None, True, {"x-should-retry": "false"}),
        (ErrorKind.NO_ACCOUNT, None, True, {"x-should-retry": "false"}),
        (ErrorKind.STILL_RUNNING, None, True, {"x-should-retry": "false"}),
        (ErrorKind.SUBMISSION_UNKNOWN, None, True, {"x-should-retry": "false"}),
        (ErrorKind.STORE_UNAVAILABLE, None, True, {"x-should-retry": "false"}),
        (ErrorKind.STORE_UNAVAILABLE, None, False, {}),
        (ErrorKind.INTERNAL, None, True, {"x-should-retry": "false"}),
        (ErrorKind.INTERNAL, None, False, {}),
        (ErrorKind.UNAUTHENTICATED, None, False, {"www-authenticate": "Bearer"}),
    ],
)
def test_headers(
    kind: ErrorKind, retry_after_s: float | None, is_creating: bool, expected: dict[str, str]
) -> None:
    """Waits above a minute and failures that a repetition would worsen say so."""
    assert (
        headers_of(GatewayError(kind, "x", retry_after_s=retry_after_s), is_creating=is_creating) == expected
    )


@pytest.mark.parametrize("kind", list(ErrorKind))
async def test_every_kind_is_answered(gateway: Gateway, client: httpx2.AsyncClient, kind: ErrorKind) -> None:
    """Whatever the engine raises arrives as status, envelope with four keys, and ids."""
    gateway.generations.refusal = GatewayError(kind, "Because.", param="prompt")
    answer = await client.post("/v1/videos", json={"prompt": "x"})
    assert answer.status_code == STATUS[kind]
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert "Because." in error["message"]
    assert error["param"] == "prompt"
    assert answer.headers["x-request-id"] == answer.headers["request-id"]


@pytest.mark.parametrize("prefix", ["", "/sora"])
async def test_unknown_route(client: httpx2.AsyncClient, prefix: str) -> None:
    """No ``detail`` ever leaves: an unknown route is said in the dialect, with the path as it was asked."""
    answer = await client.get(f"{prefix}/v1/nothing")
    assert answer.status_code == 404
    assert answer.json() == {
        "error": {
            "message": f"There is no route GET {prefix}/v1/nothing.",
            "type": "not_found_error",
            "param": None,
            "code": "unknown_url",
        }
    }


async def test_wrong_method_names_all_that_are_allowed(client: httpx2.AsyncClient) -> None:
    """``Allow`` and the message name the methods of all routes of the path."""
    answer = await client.put("/v1/videos/video_1")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, DELETE"
    assert "use GET, DELETE" in answer.json()["error"]["message"]


async def test_unexpected_fault_shows_nothing(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A bug is a 500 with the request's id and without a word of the cause."""

    async def explode(*_: object, **__: object) -> None:
        raise RuntimeError("password=hunter2 at 10.0.0.7")

    gateway.generations.get = explode  # type: ignore[method-assign, assignment]
    answer = await client.get("/v1/videos/video_1")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert "10.0.0.7" not in answer.text
    assert answer.headers["x-request-id"] in answer.json()["error"]["message"]
    assert answer.json()["error"]["code"] == "internal_error"


async def test_dialect_without_renderer_gets_openai(tmp_path: Path) -> None:
    """Until a dialect has its own errors, OpenAI's serve."""
    gateway = await build_gateway(tmp_path, is_fresh=True)
    install(gateway.app, {Dialect.OPENAI: gateway.app.state.error_renderers[Dialect.OPENAI]})
    async with client_of(gateway, key=None) as client:
        answer = await client.get("/v1/models", headers={"anthropic-version": "2023-06-01"})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"


async def test_dialect_with_renderer_gets_its_own(tmp_path: Path) -> None:
    """The table decides whose body it is."""
    gateway = await build_gateway(tmp_path, is_fresh=True)
    render = gateway.app.state.error_renderers[Dialect.OPENAI]
    install(gateway.app, {Dialect.OPENAI: render, Dialect.GEMINI: lambda error: {"mine": error.kind.value}})
    async with client_of(gateway, key=None) as client:
        answer = await client.get("/v1/models?key=wrong")
    assert answer.json() == {"mine": "unauthenticated"}


def test_validation_error_names_the_field() -> None:
    """The framework's own validation is said as ours."""
    error = from_validation_error(
        RequestValidationError([{"loc": ("body", "items", 0, "name"), "msg": "Field required", "type": "x"}])
    )
    assert error.param == "items.0.name"
    assert "Field required" in error.message
    assert from_validation_error(RequestValidationError([])).param is None


async def test_long_errors_are_cut(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """No answer repeats all that a caller sent."""
    gateway.generations.refusal = GatewayError(
        ErrorKind.INVALID_REQUEST, "'" + "x" * 100_000 + "' is not allowed.", param="p" * 10_000, code="odd"
    )
    answers = [await client.post("/v1/videos", json={"prompt": "x"}), await client.get("/" + "a" * 20_000)]
    for answer in answers:
        assert len(answer.content) < 3000
        assert answer.json()["error"]["message"].endswith("…")
    assert answers[0].json()["error"]["code"] == "odd"
