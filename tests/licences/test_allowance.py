"""Allowance: permissions and prices."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.licences.allowance import Prices, cost, require
from tests.domain.samples import IMAGE, PRO, VIDEO


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


@pytest.mark.parametrize(
    ("request_", "units"),
    [
        (IMAGE, 1),
        (replace(IMAGE, n=4), 4),
        (VIDEO, 1),
        (replace(VIDEO, duration_s=5), 1),
        (replace(VIDEO, duration_s=15), 2),
        (replace(VIDEO, duration_s=20), 4),
        (replace(VIDEO, duration_s=25), 4),
        (PRO, 2),
        (replace(PRO, duration_s=25), 12),
        (replace(PRO, hd=True), 5),
        (replace(PRO, hd=True, duration_s=15), 10),
        (replace(VIDEO, duration_s=60), 4),
        (replace(VIDEO, duration_s=None), 1),
    ],
)
def test_cost(request_: GenerationRequest, units: int) -> None:
    """By duration, Pro and HD; between two rows the longer one counts, beyond the last the last."""
    assert cost(request_) == units


def test_prices_are_the_operators() -> None:
    """The table can be replaced."""
    prices = Prices(image=3, video={10: 7})
    assert (cost(IMAGE, prices), cost(VIDEO, prices)) == (3, 7)
