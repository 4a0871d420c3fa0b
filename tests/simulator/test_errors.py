"""Refusals in the envelope of Sora web protocol, section 0.5."""

from __future__ import annotations

import pytest

from sora_gateway.simulator.errors import CATALOGUE, envelope, exhausted, invalid, refusal


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_code_has_status_and_text(code: str) -> None:
    """Status in the 4xx and 5xx, a text without left-over braces."""
    error = refusal(code)
    assert 400 <= error.status < 600
    assert error.body["error"]["code"] == code
    assert "{" not in error.body["error"]["message"]


def test_details_only_where_given() -> None:
    """`details` is present on some codes only."""
    assert "details" not in envelope("m", "c")["error"]
    error = refusal("too_many_concurrent_tasks", details={"num_tasks": 5})
    assert error.body["error"]["details"] == {"num_tasks": 5}
    assert error.body["error"]["message"] == "You already have 5 generations in progress."


def test_unknown_codes_and_other_statuses() -> None:
    """A fault may name any code, and another status than the usual one."""
    assert (refusal("odd").status, refusal("odd", status=418).status) == (400, 418)
    assert invalid("m", "prompt").body["error"]["param"] == "prompt"


def test_exhausted_has_no_envelope() -> None:
    """Section 11.3: `type` stands at the top."""
    assert exhausted({"a": 1}).body == {
        "type": "rate_limit_exhausted",
        "rate_limit_and_credit_balance": {"a": 1},
    }
