"""Say who is served first: classes of waiting jobs, and the word by which requests ask for one."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.values import listed, show


class Priority(StrEnum):
    """A class of jobs: nobody of a lower one is served while one of a higher one can be."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


_ORDER = tuple(Priority)

SERVICE_TIERS: Mapping[str, Priority | None] = {
    "auto": None,
    "default": Priority.NORMAL,
    "flex": Priority.LOW,
    "priority": Priority.HIGH,
    "scale": Priority.HIGH,
    "fast": Priority.HIGH,
    "ultrafast": Priority.HIGH,
    "standard": Priority.NORMAL,  # Gemini's word
    "standard_only": Priority.NORMAL,  # Anthropic's
    "unspecified": None,
}
"""What may stand in ``service_tier``, and the class that it asks for; None: the licence's own."""

_SHOWN = {Priority.HIGH: "priority", Priority.NORMAL: "default", Priority.LOW: "flex"}


def lower_of(one: Priority, other: Priority) -> Priority:
    """Return the one that is served later."""
    return max(one, other, key=_ORDER.index)


def granted(licence: Priority, asked: Priority | None) -> Priority:
    """Return the class of a job: never above its licence's; what asks for more gets that."""
    return licence if asked is None else lower_of(licence, asked)


def read_service_tier(value: object) -> Priority | None:
    """Return the class that the field ``service_tier`` asks for, None for the licence's own.

    Raises:
        GatewayError(invalid_request): there is no such tier.
    """
    if value is None or value == "":
        return None
    name = value.strip().lower().removeprefix("service_tier_") if isinstance(value, str) else ""
    if name not in SERVICE_TIERS:
        message = f"'service_tier' is {show(value)}; allowed are {listed(list(SERVICE_TIERS)[:4])}."
        raise GatewayError(ErrorKind.INVALID_REQUEST, message, param="service_tier")
    return SERVICE_TIERS[name]


def shown_service_tier(priority: Priority) -> str:
    """Return what answers say in ``service_tier``: the class that the job really has."""
    return _SHOWN[priority]
