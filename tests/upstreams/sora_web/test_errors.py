"""Refusals of the backend become errors that the engine can decide by."""

from __future__ import annotations

from typing import Any

import pytest

from sora_gateway.domain.errors import GatewayError
from sora_gateway.upstreams.sora_web.errors import failure, fit, is_turned_away, to_error
from tests.upstreams.sora_web.support import NOW, answer_of, sample


@pytest.mark.parametrize("row", sample("errors"), ids=lambda row: row["name"])
def test_the_catalogue_of_errors(row: dict[str, Any]) -> None:
    """Section 11.1: code before text before status; each with the pause it asks for."""
    answer = answer_of(row.get("body", row.get("text")), row["status"], **row.get("headers", {}))
    error, until = to_error(answer, NOW)
    assert error.kind.value == row["kind"]
    assert until == (None if row["cool_s"] is None else NOW + row["cool_s"])
    assert error.retry_after_s == row["cool_s"]
    assert error.message
    assert error.message[-1] in ".:"


def test_the_backends_words_reach_the_caller_only_where_they_help_him() -> None:
    """Refusals of content and request are quoted, without secrets and not at any length."""
    text = "Content policy violation in Bearer eyJabcdefgh.eyJabc.sig " + "x" * 900
    error, _ = to_error(answer_of({"error": {"message": text}}, 400), NOW)
    assert error.message.startswith("Content policy violation in Bearer ***")
    assert len(error.message) == 500
    error, _ = to_error(answer_of({"error": {"message": "Unknown model.", "param": "model"}}, 400), NOW)
    assert (error.message, error.param) == ("The backend refused the request. Unknown model.", "model")
    error, _ = to_error(answer_of({"error": {"message": "pool-07 has no phone number"}}, 403), NOW)
    assert "pool-07" not in error.message


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (None, "generation_failed", "The backend could not finish the task."),
        ("some_code", "generation_failed", "The backend could not finish the task (some_code)."),
        ("It broke.\n Sorry.", "generation_failed", "It broke. Sorry."),
        ("It may violate our guardrails.", "content_refused", "It may violate our guardrails."),
    ],
)
def test_failures_of_tasks(text: str | None, kind: str, message: str) -> None:
    """A failure speaks in the backend's words; those about content are refusals."""
    error = failure(text)
    assert isinstance(error, GatewayError)
    assert (error.kind.value, error.message) == (kind, message)
    assert fit(None) == ""


@pytest.mark.parametrize("row", sample("errors"), ids=lambda row: row["name"])
def test_what_proves_that_nothing_was_made(row: dict[str, Any]) -> None:
    """Everything of the catalogue does, but for bare server errors and pages behind the edge."""
    answer = answer_of(row.get("body", row.get("text")), row["status"], **row.get("headers", {}))
    doubtful = {"heavy load by text", "bad gateway page", "bare 500"}
    assert is_turned_away(answer) is (row["name"] not in doubtful)
