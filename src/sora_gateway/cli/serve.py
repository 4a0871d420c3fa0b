"""``sora-gateway serve``: run the gateway."""

from __future__ import annotations

from typing import Annotated

import typer

from sora_gateway.app import open_store
from sora_gateway.cli.options import DataDir
from sora_gateway.cli.output import note
from sora_gateway.cli.serving import Running, bind, url_of
from sora_gateway.kit.clock import system_now
from sora_gateway.settings import Settings, load
from sora_gateway.telemetry import logs


def serve(
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on; 0.0.0.0 for all.", show_default="127.0.0.1"),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any free one.", show_default="8000"),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Run the gateway until Ctrl+C or SIGTERM.

    Without REDIS_URL it keeps its jobs in an embedded store in the data folder.
    """
    settings = load(host=host, port=port, data_dir=data_dir)
    logs.configure(settings.log_format, settings.log_level)
    listener = bind(settings.host, settings.port)
    with listener:
        url = url_of(listener, settings.host)

        async def main(running: Running) -> None:
            await running.serve(on_open=lambda: _advise(settings), on_ready=lambda: _greet(url))

        Running(settings, listener).run(main)


async def _advise(settings: Settings) -> None:
    """Say what is missing before anybody can use the gateway."""
    now_s = system_now()
    async with open_store(settings, is_brief=True) as store:
        has_key = any(licence.is_live(now_s) for licence in await store.licences.all())
        has_account = bool(await store.accounts.all())
    where = f" --data-dir {settings.data_dir}" if "data_dir" in settings.model_fields_set else ""
    if not has_key:
        note(f"There is no licence key yet. Make one: sora-gateway licence create NAME --all{where}")
    if not has_account:
        note(f"There is no upstream account yet. Add one: sora-gateway account add{where} < tokens.txt")


async def _greet(url: str) -> None:
    note(f"Listening on {url} - base URL for clients: {url}/sora/v1 - stop with Ctrl+C")
