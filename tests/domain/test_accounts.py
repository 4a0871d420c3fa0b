"""Accounts: plans and whether new work may be given."""

from __future__ import annotations

import pytest

from sora_gateway.domain.accounts import BUILT_IN_GROUPS, AccountState, Plan
from sora_gateway.domain.media import MediaKind
from tests.domain.samples import NOW_S, account


@pytest.mark.parametrize(
    ("needed", "covering"),
    [
        (Plan.FREE, set(Plan)),
        (Plan.PLUS, {Plan.PLUS, Plan.TEAM, Plan.BUSINESS, Plan.PRO}),
        (Plan.PRO, {Plan.PRO}),
    ],
)
def test_plans_cover(needed: Plan, covering: set[Plan]) -> None:
    """Free below the paid ones, Pro above them."""
    assert {plan for plan in Plan if plan.covers(needed)} == covering


@pytest.mark.parametrize(
    ("state", "until", "is_usable"),
    [
        (AccountState.READY, None, True),
        (AccountState.COOLING, NOW_S + 1, False),
        (AccountState.COOLING, NOW_S, True),
        (AccountState.COOLING, None, False),
        (AccountState.EXHAUSTED, NOW_S + 1, False),
        (AccountState.EXHAUSTED, NOW_S - 1, True),
        (AccountState.AUTH_FAILED, None, False),
        (AccountState.AUTH_FAILED, NOW_S - 1, False),
        (AccountState.DISABLED, NOW_S - 1, False),
    ],
)
def test_usable(state: AccountState, until: float | None, is_usable: bool) -> None:
    """A rest ends by itself, what a person has to repair does not."""
    assert account(state=state, until=until).is_usable(NOW_S) is is_usable


def test_defaults() -> None:
    """Three videos and one image at once; the token never shows."""
    plain = account()
    assert plain.slots == {MediaKind.VIDEO: 3, MediaKind.IMAGE: 1}
    assert "token-a" not in repr(plain)
    assert {"free", "plus", "team", "business", "pro"} == BUILT_IN_GROUPS
