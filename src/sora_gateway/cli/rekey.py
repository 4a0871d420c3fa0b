"""``sora-gateway rekey``: encrypt what is stored with the present secret key."""

from __future__ import annotations

import asyncio

import typer

from sora_gateway.cli.options import DataDir, Json, settings_for_command
from sora_gateway.cli.output import document, plural
from sora_gateway.settings import Settings
from sora_gateway.store_access import open_store


def rekey(is_json: Json = False, data_dir: DataDir = None) -> None:
    """Encrypt stored credentials with the present secret key, so that earlier ones are not needed.

    Works beside running gateways, once all of them have the new key. It may be repeated.
    """
    count = asyncio.run(_rekey(settings_for_command(data_dir)))
    if is_json:
        document({"rekeyed": count})
    elif count:
        typer.echo(f"{plural(count, 'record')} now {'needs' if count == 1 else 'need'} the present key only.")
    else:
        typer.echo("Nothing to do: the present key reads every record.")


async def _rekey(settings: Settings) -> int:
    async with open_store(settings, is_brief=True) as store:
        return await store.rekey()
