"""Licences: when a key opens anything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.domain.licences import Licence, Permission, as_by_old_key
from tests.domain.samples import NOW_S

LICENCE = Licence(
    id="licence_1",
    name="team",
    key_hint="sg-...abcd",
    permissions=frozenset({Permission.CHAT}),
    created_at=NOW_S - 10,
)


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
    licence = replace(LICENCE, expires_at=expires_at, revoked_at=revoked_at)
    assert licence.is_live(NOW_S) is is_live


def test_a_disabled_licence_rests() -> None:
    """It opens nothing until it is enabled, whatever else holds."""
    assert not replace(LICENCE, disabled_at=NOW_S - 1).is_live(NOW_S)


@pytest.mark.parametrize(
    ("expires_at", "until", "seen"),
    [(None, NOW_S + 9, NOW_S + 9), (NOW_S + 5, NOW_S + 9, NOW_S + 5), (NOW_S + 20, NOW_S + 9, NOW_S + 9)],
)
def test_the_old_key_ends_with_its_grace(expires_at: float | None, until: float, seen: float) -> None:
    """It opens the same, under its own hint, and not beyond the licence's own end."""
    rotated = replace(LICENCE, expires_at=expires_at, old_key_hint="sg-...wxyz", old_key_until=until)
    old = as_by_old_key(rotated)
    assert old is not None
    assert (old.expires_at, old.key_hint, old.permissions) == (seen, "sg-...wxyz", LICENCE.permissions)
    assert as_by_old_key(LICENCE) is None
