"""Say what a caller may do and what a request costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.requests import GenerationRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Units by duration in seconds; a duration between two rows costs as the next longer one."""

    image: int = 1
    video: Mapping[int, int] = field(default_factory=lambda: {10: 1, 15: 2, 25: 4})
    pro: Mapping[int, int] = field(default_factory=lambda: {10: 2, 15: 4, 25: 12})
    hd: Mapping[int, int] = field(default_factory=lambda: {10: 5, 15: 10})


DEFAULT_PRICES = Prices()


def require(caller: Caller, permission: Permission) -> None:
    """Return if ``caller`` has ``permission``.

    Raises:
        GatewayError(permission_denied): it lacks it; the message names it.
    """
    if permission in caller.permissions:
        return
    present = ", ".join(sorted(caller.permissions)) or "none"
    raise GatewayError(
        ErrorKind.PERMISSION_DENIED,
        f"This key lacks the permission '{permission.value}'; it has: {present}. "
        "The operator of this server can grant it.",
    )


def cost(request: GenerationRequest, prices: Prices = DEFAULT_PRICES) -> int:
    """Return the units that one job of ``request`` takes: every result of it counts, characters are free."""
    if request.kind is MediaKind.CHARACTER:
        return 0
    if request.kind is MediaKind.IMAGE:
        return prices.image * request.n
    if request.hd:
        table = prices.hd
    elif request.pro:
        table = prices.pro
    else:
        table = prices.video
    duration_s = request.duration_s or 0
    rows = sorted(table.items())
    return next((units for row_s, units in rows if row_s >= duration_s), rows[-1][1]) * request.n
