"""The command line: serve, demo, simulate, licence, account, webhook, jobs, doctor."""

from __future__ import annotations

import importlib
import sys


def main() -> None:
    """Run the command that the process was started with; a broken installation is said in one sentence."""
    try:
        commands = importlib.import_module("sora_gateway.cli.commands")
    except ImportError as error:
        sys.stderr.write(
            f"This installation is incomplete: {error}. "
            "Repair it with: pip install --force-reinstall sora-gateway\n"
        )
        raise SystemExit(1) from None
    commands.app(prog_name="sora-gateway")
