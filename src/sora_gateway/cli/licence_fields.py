"""Read what a licence may do from options, and show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Annotated, Any

import typer

from sora_gateway.cli.options import parse_length_s
from sora_gateway.cli.output import NONE, moment
from sora_gateway.cli.plain import MISUSED, CommandError
from sora_gateway.domain.errors import GatewayError
from sora_gateway.domain.licences import Bounds, Licence, Permission
from sora_gateway.domain.model_aliases import with_aliases
from sora_gateway.domain.priorities import Priority
from sora_gateway.licences.scope import checked_group, checked_model
from sora_gateway.settings import Settings

ANY = "any"
NEVER = "never"
MOST_REQUESTS_PER_MINUTE = 100_000

Permissions = Annotated[
    list[Permission] | None, typer.Option("--permission", "-p", help="What it opens; may be repeated.")
]
AllPermissions = Annotated[bool, typer.Option("--all", help="Grant every permission.")]
Expires = Annotated[
    str | None, typer.Option(help="How long it is valid from now, e.g. 12h, 30d, 8w, 1y, or never.")
]
Groups = Annotated[
    list[str] | None,
    typer.Option("--group", "-g", help="Accounts that it may use, by group; may be repeated. any: all."),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model", "-m", help="A family, model or alias that it may use; may be repeated. any: all."
    ),
]
PerMinute = Annotated[
    int | None,
    typer.Option(
        "--requests-per-minute",
        min=0,
        max=MOST_REQUESTS_PER_MINUTE,
        help="Requests per minute that are not only reading. 0: no bound.",
    ),
]
Concurrent = Annotated[
    int | None, typer.Option("--concurrent-jobs", min=0, help="Unfinished jobs at a time. 0: no bound.")
]
Queued = Annotated[
    int | None, typer.Option("--queued-jobs", min=0, help="Jobs that wait for an account. 0: no bound.")
]
Daily = Annotated[int | None, typer.Option("--daily-units", min=0, help="Units per day (UTC). 0: no bound.")]
Monthly = Annotated[
    int | None, typer.Option("--monthly-units", min=0, help="Units per month (UTC). 0: no bound.")
]
Weight = Annotated[
    float | None,
    typer.Option(min=0.01, max=100.0, help="Its share of a full queue, against the 1 of other keys."),
]

Class = Annotated[
    Priority | None,
    typer.Option("--priority", help="Its jobs wait for none of a lower class, and for all of a higher one."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the options say; None: nothing about that."""

    name: str | None = None
    permissions: Sequence[Permission] | None = None
    has_all: bool = False
    expires: str | None = None
    groups: Sequence[str] | None = None
    models: Sequence[str] | None = None
    requests_per_minute: int | None = None
    concurrent_jobs: int | None = None
    queued_jobs: int | None = None
    daily_units: int | None = None
    monthly_units: int | None = None
    weight: float | None = None
    priority: Priority | None = None


def with_given(licence: Licence, given: Given, settings: Settings, now_s: float) -> Licence:
    """Return the licence as the options want it; what they leave out stays.

    Raises:
        CommandError: a length of time, a model or a group that there cannot be.
    """
    changes: dict[str, Any] = {}
    if given.name is not None:
        changes["name"] = given.name
    if given.has_all:
        changes["permissions"] = frozenset(Permission)
    elif given.permissions:
        changes["permissions"] = frozenset(given.permissions)
    if given.expires is not None:
        is_never = given.expires.strip().lower() == NEVER
        changes["expires_at"] = None if is_never else now_s + parse_length_s(given.expires)
    try:
        if given.groups:
            changes["groups"] = _unless_any(given.groups, [checked_group(name) for name in given.groups])
        if given.models:
            aliases = with_aliases(settings.aliases)
            names = [checked_model(name, aliases) for name in given.models if name != ANY]
            changes["models"] = _unless_any(given.models, names)
    except GatewayError as error:
        raise CommandError(error.message, exit_code=MISUSED) from error
    return replace(licence, bounds=_bounds(licence.bounds, given), **changes)


def _unless_any(given: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    return () if ANY in given else tuple(dict.fromkeys(names))


def _bounds(bounds: Bounds, given: Given) -> Bounds:
    said = {bound.name: getattr(given, bound.name) for bound in fields(Bounds)}
    changes: dict[str, Any] = {name: value or None for name, value in said.items() if value is not None}
    return replace(bounds, **changes)


def state_of(licence: Licence, now_s: float) -> str:
    """Return ``live``, ``disabled``, ``revoked`` or ``expired``."""
    if licence.revoked_at is not None:
        return "revoked"
    if licence.disabled_at is not None:
        return "disabled"
    return "live" if licence.is_live(now_s) else "expired"


def as_json(licence: Licence, now_s: float) -> dict[str, Any]:
    """Return the licence as ``--json`` shows it."""
    return {
        "id": licence.id,
        "name": licence.name,
        "key_hint": licence.key_hint,
        "state": state_of(licence, now_s),
        "permissions": sorted(permission.value for permission in licence.permissions),
        "groups": list(licence.groups),
        "models": list(licence.models),
        **asdict(licence.bounds),
        "created_at": licence.created_at,
        "expires_at": licence.expires_at,
        "disabled_at": licence.disabled_at,
        "revoked_at": licence.revoked_at,
        "rotated_at": licence.rotated_at,
        "old_key_hint": licence.old_key_hint,
        "old_key_until": licence.old_key_until,
    }


def shown_permissions(licence: Licence) -> str:
    """Return the permissions for people."""
    if licence.permissions == frozenset(Permission):
        return "all"
    return ", ".join(permission.value for permission in Permission if permission in licence.permissions)


def shown_bounds(licence: Licence) -> str:
    """Return in a few words what bounds there are; empty without any."""
    bounds = licence.bounds
    words = [
        f"{value:g} {name}"
        for value, name in (
            (bounds.requests_per_minute, "requests/min"),
            (bounds.concurrent_jobs, "concurrent"),
            (bounds.queued_jobs, "queued"),
            (bounds.daily_units, "units/day"),
            (bounds.monthly_units, "units/month"),
        )
        if value is not None
    ]
    if bounds.weight != 1:
        words.append(f"weight {bounds.weight:g}")
    if bounds.priority is not Priority.NORMAL:
        words.append(f"{bounds.priority.value} priority")
    return ", ".join(words)


def shown_fields(licence: Licence, now_s: float) -> list[tuple[str, str]]:
    """Return every field with its value, for people."""
    old = NONE
    if licence.old_key_until is not None and licence.old_key_until > now_s:
        old = f"{licence.old_key_hint} works until {moment(licence.old_key_until)}"
    return [
        ("id", licence.id),
        ("name", licence.name),
        ("key", licence.key_hint),
        ("old key", old),
        ("state", state_of(licence, now_s)),
        ("permissions", shown_permissions(licence)),
        ("groups", ", ".join(licence.groups) or ANY),
        ("models", ", ".join(licence.models) or ANY),
        ("bounds", shown_bounds(licence) or "none"),
        ("created", moment(licence.created_at)),
        ("expires", moment(licence.expires_at) if licence.expires_at is not None else NEVER),
    ]
