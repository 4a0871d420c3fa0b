"""What options make of a licence, and how it is shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.cli.licence_fields import (
    ANY,
    Given,
    as_json,
    shown_bounds,
    shown_fields,
    shown_permissions,
    state_of,
    with_given,
)
from sora_gateway.cli.plain import CommandError
from sora_gateway.domain.licences import Bounds, Licence, Permission
from sora_gateway.domain.priorities import Priority
from sora_gateway.settings import Settings
from tests.domain.samples import NOW_S

SETTINGS = Settings(aliases='{"ours": "sora-2"}')
LICENCE = Licence(
    id="lic_1",
    name="Ann",
    key_hint="sg-...abcd",
    permissions=frozenset({Permission.CHAT}),
    created_at=NOW_S - 10,
    expires_at=NOW_S + 10,
    groups=("plus",),
    models=("sora_image",),
    bounds=Bounds(daily_units=5, queued_jobs=2),
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Given(), LICENCE),
        (Given(name="Bob"), replace(LICENCE, name="Bob")),
        (Given(has_all=True), replace(LICENCE, permissions=frozenset(Permission))),
        (
            Given(permissions=[Permission.IMAGES]),
            replace(LICENCE, permissions=frozenset({Permission.IMAGES})),
        ),
        (Given(expires="1d"), replace(LICENCE, expires_at=NOW_S + 86_400)),
        (Given(expires="never"), replace(LICENCE, expires_at=None)),
        (Given(groups=["team", "team", "own"]), replace(LICENCE, groups=("team", "own"))),
        (Given(groups=[ANY]), replace(LICENCE, groups=())),
        (Given(models=["ours", "sora_video2"]), replace(LICENCE, models=("ours", "sora_video2"))),
        (Given(models=[ANY]), replace(LICENCE, models=())),
        (Given(daily_units=9), replace(LICENCE, bounds=Bounds(daily_units=9, queued_jobs=2))),
        (
            Given(priority=Priority.HIGH),
            replace(LICENCE, bounds=replace(LICENCE.bounds, priority=Priority.HIGH)),
        ),
        (Given(daily_units=0, weight=2.5), replace(LICENCE, bounds=Bounds(queued_jobs=2, weight=2.5))),
    ],
)
def test_options_change_what_they_name(given: Given, expected: Licence) -> None:
    """The rest stays; 0, any and never take a bound away."""
    assert with_given(LICENCE, given, SETTINGS, NOW_S) == expected


@pytest.mark.parametrize(
    "given", [Given(models=["sora_video9"]), Given(groups=["a b"]), Given(expires="soon")]
)
def test_mistakes(given: Given) -> None:
    """Wrong usage, in the words of whoever knows."""
    with pytest.raises(CommandError) as caught:
        with_given(LICENCE, given, SETTINGS, NOW_S)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("licence", "state"),
    [
        (LICENCE, "live"),
        (replace(LICENCE, expires_at=NOW_S), "expired"),
        (replace(LICENCE, disabled_at=1.0), "disabled"),
        (replace(LICENCE, disabled_at=1.0, revoked_at=2.0), "revoked"),
    ],
)
def test_state(licence: Licence, state: str) -> None:
    """What holds for good goes before what does not."""
    assert state_of(licence, NOW_S) == state
    assert as_json(licence, NOW_S)["state"] == state


def test_shown() -> None:
    """Every field has a name and a value."""
    rotated = replace(LICENCE, old_key_hint="sg-...wxyz", old_key_until=NOW_S + 5)
    shown = dict(shown_fields(rotated, NOW_S))
    assert shown["bounds"] == shown_bounds(LICENCE) == "2 queued, 5 units/day"
    assert "sg-...wxyz" in shown["old key"]
    assert "sg-...wxyz" not in dict(shown_fields(rotated, NOW_S + 6))["old key"]
    assert shown_bounds(replace(LICENCE, bounds=Bounds(weight=0.5))) == "weight 0.5"
    assert shown_bounds(replace(LICENCE, bounds=Bounds(priority=Priority.LOW))) == "low priority"
    assert shown_permissions(replace(LICENCE, permissions=frozenset(Permission))) == "all"
    assert as_json(LICENCE, NOW_S)["daily_units"] == 5
