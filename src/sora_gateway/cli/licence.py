"""``sora-gateway licence``: make, change, rotate and revoke the keys of callers, and tell what they used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from sora_gateway.cli.licence_fields import (
    AllPermissions,
    Class,
    Concurrent,
    Daily,
    Expires,
    Given,
    Groups,
    Models,
    Monthly,
    PerMinute,
    Permissions,
    Queued,
    Weight,
    as_json,
    shown_bounds,
    shown_fields,
    shown_permissions,
    state_of,
    with_given,
)
from sora_gateway.cli.options import DataDir, Json, parse_length_s, settings_for_command
from sora_gateway.cli.output import document, moment, note, plural, table
from sora_gateway.cli.plain import MISUSED, CommandError
from sora_gateway.domain.licences import Licence, Permission
from sora_gateway.kit.clock import system_now
from sora_gateway.kit.ids import new_id
from sora_gateway.licences.keys import NewKey, hint_of, new_key
from sora_gateway.licences.periods import last_days
from sora_gateway.ports.usage import DayUsage
from sora_gateway.settings import Settings
from sora_gateway.store_access import open_store

app = typer.Typer(
    no_args_is_help=True, help="Make, change and revoke the keys of callers, and tell what they used."
)

Id = Annotated[str, typer.Argument(metavar="ID", help='As "licence list" shows it.')]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is; shown in lists.")],
    permission: Permissions = None,
    has_all: AllPermissions = False,
    expires: Expires = None,
    group: Groups = None,
    model: Models = None,
    requests_per_minute: PerMinute = None,
    concurrent_jobs: Concurrent = None,
    queued_jobs: Queued = None,
    daily_units: Daily = None,
    monthly_units: Monthly = None,
    weight: Weight = None,
    priority: Class = None,
    is_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Make a key and show it once; only a hash of it is stored. Without a permission it opens chat."""
    if not name.strip():
        raise CommandError("The name is empty; say whose key it is: licence create alice", exit_code=MISUSED)
    now_s, settings = system_now(), settings_for_command(data_dir)
    made = new_key()
    plain = make_licence(made.key, name=name, permissions=frozenset({Permission.CHAT}), now_s=now_s)
    given = Given(
        permissions=permission,
        has_all=has_all,
        expires=expires,
        groups=group,
        models=model,
        requests_per_minute=requests_per_minute,
        concurrent_jobs=concurrent_jobs,
        queued_jobs=queued_jobs,
        daily_units=daily_units,
        monthly_units=monthly_units,
        weight=weight,
        priority=priority,
    )
    licence = with_given(plain, given, settings, now_s)
    asyncio.run(_put(settings, licence, made.key_hash))
    if is_json:
        document({**as_json(licence, now_s), "api_key": made.key})
        return
    _show_key(made)
    note(f"Licence {licence.id} for '{name}' opens: {shown_permissions(licence)}. {_end(licence)}")


@app.command()
def update(
    licence_id: Id,
    name: Annotated[str | None, typer.Option(help="Whose key it is.")] = None,
    permission: Permissions = None,
    has_all: AllPermissions = False,
    expires: Expires = None,
    group: Groups = None,
    model: Models = None,
    requests_per_minute: PerMinute = None,
    concurrent_jobs: Concurrent = None,
    queued_jobs: Queued = None,
    daily_units: Daily = None,
    monthly_units: Monthly = None,
    weight: Weight = None,
    priority: Class = None,
    is_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Change what a key may do; what is not named stays. It works on every node within 5 s."""
    now_s, settings = system_now(), settings_for_command(data_dir)
    given = Given(
        name=name,
        permissions=permission,
        has_all=has_all,
        expires=expires,
        groups=group,
        models=model,
        requests_per_minute=requests_per_minute,
        concurrent_jobs=concurrent_jobs,
        queued_jobs=queued_jobs,
        daily_units=daily_units,
        monthly_units=monthly_units,
        weight=weight,
        priority=priority,
    )
    licence = asyncio.run(
        _change(settings, licence_id, lambda before: with_given(before, given, settings, now_s))
    )
    _show(licence, is_json=is_json)


@app.command()
def rotate(
    licence_id: Id,
    grace: Annotated[
        str, typer.Option(help="How long the old key works on, e.g. 12h, 7d; 0: not at all.")
    ] = "0",
    is_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Give a licence a new key and show it once. Jobs, quotas and usage stay with the licence."""
    now_s, made = system_now(), new_key()
    until = None if grace.strip() == "0" else now_s + parse_length_s(grace)

    def rotated(before: Licence) -> Licence:
        if before.revoked_at is not None:
            raise CommandError(f"Licence {before.id} is revoked for good; make another: licence create")
        return replace(
            before,
            key_hint=made.hint,
            rotated_at=now_s,
            old_key_hint=None if until is None else before.key_hint,
            old_key_until=until,
        )

    settings = settings_for_command(data_dir)
    licence = asyncio.run(_change(settings, licence_id, rotated, key_hash=made.key_hash))
    if is_json:
        document({**as_json(licence, now_s), "api_key": made.key})
        return
    _show_key(made)
    old = "opens nothing any more" if until is None else f"works until {moment(until)}"
    note(f"Licence {licence.id} of '{licence.name}' has a new key; the old one {old}.")


@app.command()
def revoke(licence_id: Id, is_json: Json = False, data_dir: DataDir = None) -> None:
    """Make a key open nothing any more, for good. Its running jobs go on."""
    now_s = system_now()
    licence = asyncio.run(
        _change(
            settings_for_command(data_dir),
            licence_id,
            lambda before: before if before.revoked_at is not None else replace(before, revoked_at=now_s),
        )
    )
    _tell(licence, "is revoked", is_json=is_json)


@app.command()
def disable(licence_id: Id, is_json: Json = False, data_dir: DataDir = None) -> None:
    """Make a key open nothing until it is enabled again. Its running jobs go on."""
    now_s = system_now()
    licence = asyncio.run(
        _change(
            settings_for_command(data_dir),
            licence_id,
            lambda before: before if before.disabled_at is not None else replace(before, disabled_at=now_s),
        )
    )
    _tell(licence, "is disabled", is_json=is_json)


@app.command()
def enable(licence_id: Id, is_json: Json = False, data_dir: DataDir = None) -> None:
    """Make a disabled key open again what it did. A revoked one stays revoked."""
    licence = asyncio.run(
        _change(settings_for_command(data_dir), licence_id, lambda before: replace(before, disabled_at=None))
    )
    _tell(licence, f"is {state_of(licence, system_now())}", is_json=is_json)


@app.command(name="list")
def list_licences(is_json: Json = False, data_dir: DataDir = None) -> None:
    """List all keys by their last characters, with what they open."""
    now_s = system_now()
    licences = asyncio.run(_all(settings_for_command(data_dir)))
    if is_json:
        document([as_json(licence, now_s) for licence in licences])
        return
    if not licences:
        note("There is no licence yet. Make one: sora-gateway licence create NAME --all")
        return
    rows = [
        (
            licence.id,
            licence.name,
            licence.key_hint,
            state_of(licence, now_s),
            shown_permissions(licence),
            shown_bounds(licence),
            moment(licence.created_at),
            moment(licence.expires_at),
        )
        for licence in licences
    ]
    typer.echo(table(("id", "name", "key", "state", "permissions", "bounds", "created", "expires"), rows))


@app.command()
def show(licence_id: Id, is_json: Json = False, data_dir: DataDir = None) -> None:
    """Show everything about a licence but its key."""
    _show(asyncio.run(_get(settings_for_command(data_dir), licence_id)), is_json=is_json)


@app.command()
def usage(
    licence_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One licence by the day; without it all, summed up.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=400, help="How many days up to today (UTC).")] = 30,
    is_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Tell what keys have used: jobs by the day of their acceptance, and units as they are charged."""
    found = asyncio.run(_usage(settings_for_command(data_dir), licence_id, last_days(system_now(), days)))
    if is_json:
        document(
            [
                {"id": licence.id, "name": licence.name, "days": [_as_json(day) for day in used if day.jobs]}
                for licence, used in found
            ]
        )
        return
    head = ("jobs", "completed", "failed", "cancelled", "units", "by model")
    if licence_id is None:
        rows = [(licence.id, licence.name, *_numbers(used)) for licence, used in found]
        typer.echo(table(("id", "name", *head), rows))
        return
    (_, used), *_ = found
    rows = [(day.date, *_numbers([day])) for day in used if day.jobs]
    if not rows:
        note(f"Nothing was used within {plural(days, 'day')}.")
        return
    typer.echo(table(("date", *head), [*rows, ("all", *_numbers(used))]))


def make_licence(
    key: str,
    *,
    name: str,
    permissions: frozenset[Permission],
    now_s: float,
    expires_at: float | None = None,
    licence_id: str | None = None,
) -> Licence:
    """Return the record of ``key``."""
    return Licence(
        id=licence_id or new_id("lic"),
        name=name,
        key_hint=hint_of(key),
        permissions=permissions,
        created_at=now_s,
        expires_at=expires_at,
    )


def _show_key(made: NewKey) -> None:
    note("This is the only time the key is shown; keep it in a safe place.")
    typer.echo(made.key)


def _show(licence: Licence, *, is_json: bool) -> None:
    now_s = system_now()
    if is_json:
        document(as_json(licence, now_s))
    else:
        typer.echo(table(("field", "value"), shown_fields(licence, now_s)))


def _tell(licence: Licence, what: str, *, is_json: bool) -> None:
    if is_json:
        document(as_json(licence, system_now()))
    else:
        typer.echo(f"Licence {licence.id} of '{licence.name}' ({licence.key_hint}) {what}.")


def _end(licence: Licence) -> str:
    if licence.expires_at is None:
        return "It does not expire."
    return f"It expires {moment(licence.expires_at)}."


def _numbers(days: Sequence[DayUsage]) -> tuple[str, ...]:
    models = sorted({model for day in days for model in day.by_model})
    by_model = ", ".join(f"{model} {sum(day.by_model.get(model, 0) for day in days)}" for model in models)
    counts = (
        sum(day.jobs for day in days),
        sum(day.completed for day in days),
        sum(day.failed for day in days),
        sum(day.cancelled for day in days),
        sum(day.units for day in days),
    )
    return (*map(str, counts), by_model)


def _as_json(day: DayUsage) -> dict[str, Any]:
    return asdict(day)


async def _put(settings: Settings, licence: Licence, key_hash: str) -> None:
    async with open_store(settings, is_brief=True) as store:
        await store.licences.put(licence, key_hash)


async def _all(settings: Settings) -> Sequence[Licence]:
    async with open_store(settings, is_brief=True) as store:
        return await store.licences.all()


async def _get(settings: Settings, licence_id: str) -> Licence:
    async with open_store(settings, is_brief=True) as store:
        licence = await store.licences.get(licence_id)
        if licence is None:
            raise _unknown(licence_id, await store.licences.all())
        return licence


async def _change(
    settings: Settings,
    licence_id: str,
    decide: Callable[[Licence], Licence],
    *,
    key_hash: str | None = None,
) -> Licence:
    async with open_store(settings, is_brief=True) as store:
        licence = await store.licences.change(licence_id, decide, key_hash=key_hash)
        if licence is None:
            raise _unknown(licence_id, await store.licences.all())
        return licence


async def _usage(
    settings: Settings, licence_id: str | None, dates: Sequence[str]
) -> list[tuple[Licence, Sequence[DayUsage]]]:
    async with open_store(settings, is_brief=True) as store:
        licences = await store.licences.all()
        chosen = [licence for licence in licences if licence_id in (None, licence.id)]
        if licence_id is not None and not chosen:
            raise _unknown(licence_id, licences)
        return [(licence, await store.usage.days(licence.id, dates)) for licence in chosen]


def _unknown(licence_id: str, licences: Sequence[Licence]) -> CommandError:
    present = plural(len(licences), "licence")
    return CommandError(f"There is no licence with the id '{licence_id}' among {present}; see: licence list")
