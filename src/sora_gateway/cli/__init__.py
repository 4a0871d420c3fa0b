"""The command line: serve, demo, simulate, licence, account, webhook, jobs, doctor."""

from __future__ import annotations

import gc
import importlib
import sys
from types import ModuleType


def main() -> None:
    """Run the command that the process was started with; a broken installation is said in one sentence."""
    try:
        commands = imported("sora_gateway.cli.commands")
    except ImportError as error:
        sys.stderr.write(
            f"This installation is incomplete: {error}. "
            "Repair it with: pip install --force-reinstall sora-gateway\n"
        )
        raise SystemExit(1) from None
    commands.app(prog_name="sora-gateway")


def imported(name: str) -> ModuleType:
    """Import a module without looking for garbage, of which there is none: an eighth of the start's time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        if was_enabled:
            gc.enable()
