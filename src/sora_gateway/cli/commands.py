"""Put the commands together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.main import get_command, get_group

from sora_gateway.cli import imported
from sora_gateway.cli.plain import PlainGroup
from sora_gateway.telemetry import logs

_CONTEXT = {"help_option_names": ["-h", "--help"]}
_COMMANDS: Mapping[str, str] = {
    "serve": "sora_gateway.cli.serve:serve",
    "demo": "sora_gateway.cli.demo:demo",
    "simulate": "sora_gateway.cli.simulate:simulate",
    "licence": "sora_gateway.cli.licence:app",
    "account": "sora_gateway.cli.account:app",
    "webhook": "sora_gateway.cli.webhook:app",
    "jobs": "sora_gateway.cli.jobs:app",
    "doctor": "sora_gateway.cli.doctor:doctor",
    "rekey": "sora_gateway.cli.rekey:rekey",
}
"""Where each command lies, in the order of the help."""


class _Commands(Mapping[str, Any]):
    """The commands, each imported when it is wanted: most need neither the server nor the simulator."""

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = _COMMANDS[name].partition(":")
        found = getattr(imported(module), attribute)
        if not isinstance(found, typer.Typer):
            single = typer.Typer(add_completion=False, context_settings=_CONTEXT)
            single.command(name)(found)
            return get_command(single)
        command = get_group(found)
        command.name = name
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


class LazyGroup(PlainGroup):
    """All commands; ``PlainGroup`` says what went wrong in any of them."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands()  # type: ignore[assignment]  # nothing is ever added


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=_CONTEXT,
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
