"""Options that several commands share, and what they lead to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from sora_gateway.cli.demo_folder import as_in_folder
from sora_gateway.cli.plain import MISUSED, CommandError
from sora_gateway.settings import Settings, load
from sora_gateway.telemetry import logs

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="Folder of the embedded store, the media and the keys.", show_default="data"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

_UNITS_S = {"h": 3600.0, "d": 86_400.0, "w": 7 * 86_400.0, "y": 365 * 86_400.0}
_LENGTH = re.compile(r"(\d{1,5})([hdwy])")


def settings_for_command(data_dir: Path | None) -> Settings:
    """Return the settings of a short command, which logs only what went wrong; in a demo's folder the demo's.

    Raises:
        SettingsError: see ``settings.load``.
    """
    settings = as_in_folder(load(data_dir=data_dir))
    logs.configure("console", "debug" if settings.log_level == "debug" else "error")
    return settings


def parse_length_s(text: str) -> float:
    """Return the seconds in ``30d``, ``12h``, ``8w`` or ``1y``.

    Raises:
        CommandError: it is none of these.
    """
    match = _LENGTH.fullmatch(text.strip().lower())
    if match is None or int(match[1]) == 0:
        raise CommandError(
            f"'{text}' is not a length of time; write for example 12h, 30d, 8w or 1y.", exit_code=MISUSED
        )
    return int(match[1]) * _UNITS_S[match[2]]
