"""Put the commands together."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from sora_gateway.cli.account import app as account_app
from sora_gateway.cli.demo import demo
from sora_gateway.cli.doctor import doctor
from sora_gateway.cli.jobs import app as jobs_app
from sora_gateway.cli.licence import app as licence_app
from sora_gateway.cli.plain import PlainGroup
from sora_gateway.cli.rekey import rekey
from sora_gateway.cli.serve import serve
from sora_gateway.cli.simulate import simulate
from sora_gateway.cli.webhook import app as webhook_app
from sora_gateway.telemetry import logs

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="New here? Try: sora-gateway demo",
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"sora-gateway {version('sora-gateway')}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """Serve image and video generation in OpenAI's format, as jobs that are never lost.

    Settings come from the environment and from the file .env; "sora-gateway doctor --settings" lists them.
    Exit codes: 0 done, 1 failed, 2 wrong usage or settings.
    """
    logs.configure("console", "error")  # until a command has read the settings


app.command()(serve)
app.command()(demo)
app.command()(simulate)
app.add_typer(licence_app, name="licence")
app.add_typer(account_app, name="account")
app.add_typer(webhook_app, name="webhook")
app.add_typer(jobs_app, name="jobs")
app.command()(doctor)
app.command()(rekey)
