"""Prove how findings are shown to machines."""

from __future__ import annotations

from sora_gateway.cli import findings


def test_a_finding_as_json() -> None:
    """Every field, the level as its word."""
    found = findings.warning("store", "It is slow.", "Ask its operator.")
    expected = {"level": "warning", "what": "store", "text": "It is slow.", "advice": "Ask its operator."}
    assert found.as_json() == expected


def test_levels() -> None:
    """Only what is not as it should be comes with advice."""
    assert findings.ok("store", "Good.").advice == ""
    assert findings.problem("store", "Bad.", "Do it.").level is findings.Level.PROBLEM
