"""Say what a caller may do and what a request costs."""

from __future__ import annotations

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Reservation
from sora_gateway.domain.licences import Bounds, Caller, Permission
from sora_gateway.domain.prices import DEFAULT_PRICES, Prices, cost
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.licences.periods import day_of, month_of, next_day_at, next_month_at, utc
from sora_gateway.ports.usage import BoundName


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


def reservation(request: GenerationRequest, now_s: float, prices: Prices = DEFAULT_PRICES) -> Reservation:
    """Return what a job of ``request`` that is accepted now takes, and from which periods."""
    return Reservation(units=cost(request, prices), day=day_of(now_s), month=month_of(now_s))


_CROWDED_S = 5.0
_SHORT_OF = {
    BoundName.DAILY_UNITS: "daily quota",
    BoundName.MONTHLY_UNITS: "monthly quota",
    BoundName.CONCURRENT_JOBS: "unfinished jobs",
    BoundName.QUEUED_JOBS: "waiting jobs",
}


def over_bound(
    name: BoundName, used: int, bounds: Bounds, *, units: int, jobs: int, now_s: float
) -> GatewayError:
    """Return the refusal of a request for ``jobs`` of ``units`` together, more than the bound leaves.

    The kinds are ``insufficient_quota``, ``rate_limited`` and, where the request alone is more than may ever
    be under way, ``invalid_request``.
    """
    most = getattr(bounds, name.value)
    what = _SHORT_OF[name]
    if name in (BoundName.DAILY_UNITS, BoundName.MONTHLY_UNITS):
        anew_at = next_day_at(now_s) if name is BoundName.DAILY_UNITS else next_month_at(now_s)
        return GatewayError(
            ErrorKind.INSUFFICIENT_QUOTA,
            f"The {what} of this key does not suffice: the request costs {units}, and {max(0, most - used)} "
            f"of {most} units are left. It begins anew at {utc(anew_at)}.",
        )
    if jobs > most:
        message = f"The request makes {jobs} jobs, and this key may have {most} {what}: lower 'n'."
        return GatewayError(ErrorKind.INVALID_REQUEST, message, param="n")
    return GatewayError(
        ErrorKind.RATE_LIMITED,
        f"This key may have {most} {what} and has {used}; the request adds {jobs}. Wait until one has ended.",
        retry_after_s=_CROWDED_S,
    )
