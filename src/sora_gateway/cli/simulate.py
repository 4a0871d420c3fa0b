"""``sora-gateway simulate``: run the simulated backend alone."""

from __future__ import annotations

import asyncio
import errno
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sora_gateway.cli.output import table
from sora_gateway.cli.plain import MISUSED, CommandError
from sora_gateway.simulator.scenario import load_scenario
from sora_gateway.simulator.server import SimulatorAddress, SimulatorConfig
from sora_gateway.simulator.server import serve as serve_simulator
from sora_gateway.telemetry import logs

SCENARIO_HELP = "fast, normal or real, or a JSON file that describes one."


def simulate(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the backend; 0 takes any.")] = 8100,
    media_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of its media host; 0 takes any.")
    ] = 0,
    scenario: Annotated[str, typer.Option(help=SCENARIO_HELP)] = "normal",
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder that keeps its tasks and files.", show_default="in memory")
    ] = None,
    public_media_origin: Annotated[
        str | None,
        typer.Option(help="What links to its files begin with, if its media host has another name outside."),
    ] = None,
    is_json: Annotated[
        bool, typer.Option("--json", help="Print addresses and accounts as one line of JSON.")
    ] = False,
    exit_with_stdin: Annotated[bool, typer.Option("--exit-with-stdin", hidden=True)] = False,
) -> None:
    """Run a simulated Sora backend with accounts of its own, until Ctrl+C or SIGTERM.

    It speaks the Sora web protocol and makes real MP4, WebP and PNG files, without a network.
    """
    logs.configure("console", "warning")
    try:
        load_scenario(scenario)
    except ValueError as error:
        raise CommandError(f"The scenario cannot be used: {error}.", exit_code=MISUSED) from error
    config = SimulatorConfig(
        host=host,
        port=port,
        media_port=media_port,
        scenario=scenario,
        data_dir=data_dir,
        public_media_origin=public_media_origin,
    )

    def announce(address: SimulatorAddress) -> None:
        typer.echo(json.dumps(asdict(address)) if is_json else described(address))

    try:
        asyncio.run(serve_simulator(config, on_ready=announce, exit_with_stdin=exit_with_stdin))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise CommandError(
            f"Port {port} or {media_port} on {host} is taken by another program. "
            "Choose others with --port and --media-port, or 0 for any free one."
        ) from error
    except ValueError as error:
        raise CommandError(f"The simulator cannot be started: {error}.") from error


def described(address: SimulatorAddress) -> str:
    """Return what a person needs to use the backend."""
    rows = [(one["name"], one["plan"], one["email"], one["access_token"]) for one in address.accounts]
    return "\n".join(
        (
            f"Backend       {address.base_url}/backend",
            f"Media origin  {address.media_origin}",
            f"Control       {address.base_url}/",
            "",
            "To use it with a gateway, set:",
            f"  SORA_GATEWAY_SORA_WEB_BASE_URL={address.base_url}/backend",
            "  SORA_GATEWAY_SORA_WEB_SENTINEL_TOKEN=simulated",
            "and add its accounts with: sora-gateway account add",
            "",
            table(("name", "plan", "e-mail", "access token"), rows),
            "",
            "Stop with Ctrl+C.",
        )
    )
