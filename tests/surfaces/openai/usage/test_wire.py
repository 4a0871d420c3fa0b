"""The messages of the usage page."""

from __future__ import annotations

import pytest

from sora_gateway.surfaces.openai.usage import wire


@pytest.mark.parametrize(
    ("message", "names"),
    [
        (wire.Usage, {"object", "data", "quota"}),
        (wire.Day, {"date", "jobs", "completed", "failed", "cancelled", "units", "by_model"}),
        (wire.Quota, {"daily", "monthly"}),
        (wire.Allowance, {"limit", "used", "remaining", "resets_at"}),
    ],
)
def test_fields(message: type, names: set[str]) -> None:
    """All are always there."""
    assert message.__required_keys__ == names
