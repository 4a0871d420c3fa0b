"""The rows of `faults` are checked."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sora_gateway.simulator.fault_rules import FAULT, Latency, Status


@pytest.mark.parametrize(
    "row",
    [
        {"kind": "earthquake"},
        {"kind": "latency"},
        {"kind": "reset", "seconds": 1},
        {"kind": "reset", "probability": 2},
        {"kind": "truncate", "share": 1},
        {},
    ],
)
def test_bad_rows_are_refused(row: dict[str, Any]) -> None:
    """Unknown kinds, foreign and missing fields are errors."""
    with pytest.raises(ValidationError):
        FAULT.validate_python(row)


def test_the_kind_decides_the_class() -> None:
    """A row becomes the class of its kind, with its defaults."""
    assert FAULT.validate_python({"kind": "latency", "seconds": 2}) == Latency(kind="latency", seconds=2)
    rule = FAULT.validate_python({"kind": "status", "error": "heavy_load"})
    assert isinstance(rule, Status)
    assert (rule.route, rule.times, rule.after) == ("* *", 1, 0)
