"""``sora-gateway licence``: make, list and revoke the keys of callers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer

from sora_gateway.app import open_store
from sora_gateway.cli.options import DataDir, Json, parse_length_s, settings_for_command
from sora_gateway.cli.output import document, moment, note, plural, table
from sora_gateway.cli.plain import CommandError
from sora_gateway.domain.licences import Licence, Permission
from sora_gateway.kit.clock import system_now
from sora_gateway.kit.ids import new_id
from sora_gateway.licences.keys import hint_of, new_key
from sora_gateway.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke the keys of callers.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is; shown in lists.")],
    permission: Annotated[
        list[Permission] | None,
        typer.Option("--permission", "-p", help="What it opens; may be repeated.", show_default="chat"),
    ] = None,
    has_all: Annotated[bool, typer.Option("--all", help="Grant every permission.")] = False,
    expires: Annotated[
        str | None, typer.Option(help="How long it is valid, e.g. 12h, 30d, 8w, 1y.", show_default="for ever")
    ] = None,
    is_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Make a key and show it once; only a hash of it is stored."""
    now_s = system_now()
    made = new_key()
    licence = make_licence(
        made.key,
        name=name,
        permissions=frozenset(Permission) if has_all else frozenset(permission or [Permission.CHAT]),
        now_s=now_s,
        expires_at=None if expires is None else now_s + parse_length_s(expires),
    )
    asyncio.run(_put(settings_for_command(data_dir), licence, made.key_hash))
    if is_json:
        document({**as_json(licence, now_s), "api_key": made.key})
        return
    note("This is the only time the key is shown; keep it in a safe place.")
    typer.echo(made.key)
    note(f"Licence {licence.id} for '{name}' opens: {_permissions(licence)}. {_end(licence)}")


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
            _permissions(licence),
            moment(licence.created_at),
            moment(licence.expires_at),
        )
        for licence in licences
    ]
    typer.echo(table(("id", "name", "key", "state", "permissions", "created", "expires"), rows))


@app.command()
def revoke(
    licence_id: Annotated[str, typer.Argument(metavar="ID", help='As "licence list" shows it.')],
    is_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Make a key open nothing any more. Its running jobs go on."""
    licence = asyncio.run(_revoke(settings_for_command(data_dir), licence_id))
    if is_json:
        document(as_json(licence, system_now()))
    else:
        typer.echo(f"Licence {licence.id} of '{licence.name}' ({licence.key_hint}) is revoked.")


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


def state_of(licence: Licence, now_s: float) -> str:
    """Return ``live``, ``revoked`` or ``expired``."""
    if licence.revoked_at is not None:
        return "revoked"
    return "live" if licence.is_live(now_s) else "expired"


def as_json(licence: Licence, now_s: float) -> dict[str, Any]:
    """Return the licence as ``--json`` shows it."""
    return {
        "id": licence.id,
        "name": licence.name,
        "key_hint": licence.key_hint,
        "state": state_of(licence, now_s),
        "permissions": sorted(permission.value for permission in licence.permissions),
        "created_at": licence.created_at,
        "expires_at": licence.expires_at,
        "revoked_at": licence.revoked_at,
    }


def _permissions(licence: Licence) -> str:
    if licence.permissions == frozenset(Permission):
        return "all"
    return ", ".join(permission.value for permission in Permission if permission in licence.permissions)


def _end(licence: Licence) -> str:
    if licence.expires_at is None:
        return "It does not expire."
    return f"It expires {moment(licence.expires_at)}."


async def _put(settings: Settings, licence: Licence, key_hash: str) -> None:
    async with open_store(settings, is_brief=True) as store:
        await store.licences.put(licence, key_hash)


async def _all(settings: Settings) -> Sequence[Licence]:
    async with open_store(settings, is_brief=True) as store:
        return await store.licences.all()


async def _revoke(settings: Settings, licence_id: str) -> Licence:
    async with open_store(settings, is_brief=True) as store:
        licence = await store.licences.get(licence_id)
        if licence is None:
            present = plural(len(await store.licences.all()), "licence")
            raise CommandError(
                f"There is no licence with the id '{licence_id}' among {present}; see: licence list"
            )
        if licence.revoked_at is None:
            licence = replace(licence, revoked_at=system_now())
            # A hash that no key has: the old key's entry goes, the record stays in the list.
            await store.licences.put(licence, f"revoked:{licence.id}")
        return licence
