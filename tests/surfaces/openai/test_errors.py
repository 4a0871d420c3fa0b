"""Errors as OpenAI prints them: one golden body per kind."""

from __future__ import annotations

import re

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import JobError
from sora_gateway.surfaces.openai.errors import TYPES_AND_CODES, code_of, error_of, render_error
from tests.surfaces.openai.samples import sample

GOLDEN = sample("errors.json")


def test_every_kind_has_type_and_code() -> None:
    """A new kind fails here until it is in the table."""
    assert set(TYPES_AND_CODES) == set(ErrorKind)
    assert set(GOLDEN) == {kind.value for kind in ErrorKind}


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_golden(kind: ErrorKind) -> None:
    """Four keys, always."""
    assert render_error(GatewayError(kind, "What was wrong.", param="field")) == GOLDEN[kind.value]


@pytest.mark.parametrize("kind", [kind for kind in ErrorKind if kind is not ErrorKind.RATE_LIMITED])
def test_rate_limits_are_named_in_one_row_only(kind: ErrorKind) -> None:
    """LiteLLM goes by the words, in any spelling."""
    assert not re.search(r"rate.?limit", str(render_error(GatewayError(kind, "x"))), re.IGNORECASE)


@pytest.mark.parametrize(
    ("kind", "code", "expected"),
    [
        (ErrorKind.NOT_FOUND, None, "not_found"),
        (ErrorKind.NOT_FOUND, "unknown_url", "unknown_url"),
        (ErrorKind.NOT_READY, "video_not_ready", "video_not_ready"),
        (ErrorKind.CONTENT_REFUSED, "content_refused", "content_policy_violation"),
        (ErrorKind.NOT_FOUND, "content_refused", "content_policy_violation"),
        (ErrorKind.GENERATION_FAILED, "account_rate_limited", "account_cooling"),
    ],
)
def test_code(kind: ErrorKind, code: str | None, expected: str) -> None:
    """A code of its own passes; the name of a kind is said in this dialect's words."""
    assert code_of(kind, code) == expected


def test_401_is_worded_for_litellm() -> None:
    """Whatever the message was, the words stand in it once."""
    for message in ("unknown", "Incorrect API key provided: sg-...abcd."):
        said = render_error(GatewayError(ErrorKind.UNAUTHENTICATED, message))["error"]["message"]
        assert said.startswith("Incorrect API key provided")
        assert said.count("Incorrect") == 1


def test_error_of_a_job() -> None:
    """A job's failure becomes the failure of the request that waited."""
    error = error_of(JobError(kind=ErrorKind.CONTENT_REFUSED, message="No cats.", code="content_refused"))
    assert (error.kind, error.message, error.code) == (
        ErrorKind.CONTENT_REFUSED,
        "No cats.",
        "content_refused",
    )
