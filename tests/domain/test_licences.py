"""Licences: when a key opens anything."""

from __future__ import annotations

import pytest

from sora_gateway.domain.licences import Licence, Permission
from tests.domain.samples import NOW_S


@pytest.mark.parametrize(
    ("expires_at", "revoked_at", "is_live"),
    [
        (None, None, True),
        (NOW_S + 1, None, True),
        (NOW_S, None, False),
        (None, NOW_S - 1, False),
        (NOW_S + 1, NOW_S - 1, False),
    ],
)
def test_is_live(expires_at: float | None, revoked_at: float | None, is_live: bool) -> None:
    """Until it expires or is revoked."""
    licence = Licence(
        id="licence_1",
        name="team",
        key_hint="sg-...abcd",
        permissions=frozenset({Permission.CHAT}),
        created_at=NOW_S - 10,
        expires_at=expires_at,
        revoked_at=revoked_at,
    )
    assert licence.is_live(NOW_S) is is_live
