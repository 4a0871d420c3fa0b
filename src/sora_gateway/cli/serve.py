"""``sora-gateway serve``: run the gateway."""

from __future__ import annotations

import socket
from typing import Annotated

import typer

from sora_gateway.cli import imported
from sora_gateway.cli.listening import bind, url_of
from sora_gateway.cli.options import DataDir
from sora_gateway.cli.output import note
from sora_gateway.cli.store_checks import judged
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
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="How many processes serve, each on one core.", show_default="1"),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Run the gateway until Ctrl+C or SIGTERM.

    Without REDIS_URL it keeps its jobs in an embedded store in the data folder.
    """
    settings = load(host=host, port=port, workers=workers, data_dir=data_dir)
    logs.configure(settings.log_format, settings.log_level)
    with bind(settings.host, settings.port) as listener:
        serve_here = _serve_alone if settings.workers == 1 else _serve_together
        serve_here(settings, listener, url_of(listener, settings.host))


def _serve_alone(settings: Settings, listener: socket.socket, url: str) -> None:
    """Serve in this process."""
    running = imported("sora_gateway.cli.serving").Running(settings, listener)

    async def greet() -> None:
        _greet(url)

    running.run(lambda it: it.serve(on_open=lambda: _advise(settings), on_ready=greet))


def _serve_together(settings: Settings, listener: socket.socket, url: str) -> None:
    """Serve in workers; this process keeps what they share."""
    supervise = imported("sora_gateway.cli.supervisor").supervise
    supervise(settings, listener, on_open=lambda: _advise(settings), on_ready=lambda: _greet(url))


async def _advise(settings: Settings) -> None:
    """Say what is missing before anybody can use the gateway."""
    now_s = system_now()
    open_store = imported("sora_gateway.store_access").open_store
    async with open_store(settings, is_brief=True) as store:
        has_key = any(licence.is_live(now_s) for licence in await store.licences.all())
        has_account = bool(await store.accounts.all())
        facts = await store.facts()
    if not facts.is_embedded:
        for finding in judged(facts, settings.store_replicas):
            note(f"{finding.what}: {finding.text} {finding.advice}".rstrip())
    where = f" --data-dir {settings.data_dir}" if "data_dir" in settings.model_fields_set else ""
    if not has_key:
        note(f"There is no licence key yet. Make one: sora-gateway licence create NAME --all{where}")
    if not has_account:
        note(f"There is no upstream account yet. Add one: sora-gateway account add{where} < tokens.txt")


def _greet(url: str) -> None:
    note(f"Listening on {url} - base URL for clients: {url}/sora/v1 - stop with Ctrl+C")
