"""Allowance: permissions and prices."""

from __future__ import annotations

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Reservation
from sora_gateway.domain.licences import Bounds, Caller, Permission
from sora_gateway.domain.prices import read_prices
from sora_gateway.licences.allowance import over_bound, require, reservation
from sora_gateway.ports.usage import BoundName
from tests.domain.samples import PRO


@pytest.mark.parametrize("permission", list(Permission))
def test_require(permission: Permission) -> None:
    """Each permission opens its routes and no others."""
    require(Caller(licence_id="l", permissions=frozenset({permission})), permission)
    others = frozenset(Permission) - {permission}
    with pytest.raises(GatewayError) as caught:
        require(Caller(licence_id="l", permissions=others), permission)
    assert caught.value.kind is ErrorKind.PERMISSION_DENIED
    assert f"'{permission.value}'" in caught.value.message


def test_the_message_names_what_is_there() -> None:
    """Also when it is nothing."""
    with pytest.raises(GatewayError, match="it has: chat, videos"):
        require(
            Caller(licence_id="l", permissions=frozenset({Permission.VIDEOS, Permission.CHAT})),
            Permission.IMAGES,
        )
    with pytest.raises(GatewayError, match="it has: none"):
        require(Caller(licence_id="l", permissions=frozenset()), Permission.CHAT)


EVENING_S = 1_795_391_999.0  # 2026-11-22 23:59:59 UTC


def test_a_reservation_names_its_periods() -> None:
    """The units of the request, in the day and the month of acceptance."""
    assert reservation(PRO, EVENING_S) == Reservation(units=2, day="2026-11-22", month="2026-11")
    dear = read_prices({"*-pro": 70})
    assert reservation(PRO, EVENING_S, dear).units == 70


@pytest.mark.parametrize(
    ("name", "jobs", "kind", "words"),
    [
        (
            BoundName.DAILY_UNITS,
            1,
            ErrorKind.INSUFFICIENT_QUOTA,
            ["costs 4", "3 of 10", "2026-11-23T00:00:00Z"],
        ),
        (BoundName.MONTHLY_UNITS, 1, ErrorKind.INSUFFICIENT_QUOTA, ["93 of 100", "2026-12-01T00:00:00Z"]),
        (BoundName.CONCURRENT_JOBS, 2, ErrorKind.RATE_LIMITED, ["have 8 unfinished jobs", "has 7", "adds 2"]),
        (BoundName.QUEUED_JOBS, 1, ErrorKind.RATE_LIMITED, ["have 7 waiting jobs", "has 7", "adds 1"]),
        (BoundName.QUEUED_JOBS, 9, ErrorKind.INVALID_REQUEST, ["makes 9 jobs", "7 waiting jobs", "'n'"]),
    ],
)
def test_over_bound(name: BoundName, jobs: int, kind: ErrorKind, words: list[str]) -> None:
    """The message says what there may be, what there is, and when there is more."""
    bounds = Bounds(daily_units=10, monthly_units=100, concurrent_jobs=8, queued_jobs=7)
    error = over_bound(name, 7, bounds, units=4, jobs=jobs, now_s=EVENING_S)
    assert error.kind is kind
    assert all(word in error.message for word in words), error.message
    assert (error.retry_after_s is not None) is (kind is ErrorKind.RATE_LIMITED)
