"""Prove that the commands are there and say what they are for."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

from tests.cli.conftest import Command

COMMANDS = ("serve", "demo", "simulate", "licence", "account", "jobs", "doctor", "rekey")


def test_version(command: Command) -> None:
    """``--version`` names the program and its version."""
    result = command("--version")
    assert (result.exit_code, result.output) == (0, f"sora-gateway {version('sora-gateway')}\n")


def test_help_lists_every_command(command: Command) -> None:
    """``--help`` shows what there is, and where the settings are explained."""
    text = command("--help").output
    assert all(f" {name} " in text for name in COMMANDS)
    assert "doctor --settings" in text


@pytest.mark.parametrize(
    "words",
    [
        *((name,) for name in COMMANDS),
        *(("licence", name) for name in ("create", "list", "revoke")),
        *(("account", name) for name in ("add", "list", "explain", "check", "disable", "enable", "remove")),
        *(("jobs", name) for name in ("list", "show", "cancel")),
    ],
    ids=" ".join,
)
def test_each_command_explains_itself(command: Command, words: tuple[str, ...]) -> None:
    """Each command has a help text with at least a sentence."""
    result = command(*words, "--help")
    assert result.exit_code == 0
    assert "." in result.output


@pytest.mark.parametrize(
    "words", [("fly",), ("serve", "--port", "70000"), ("licence", "create")], ids=" ".join
)
def test_wrong_usage(command: Command, words: tuple[str, ...]) -> None:
    """Wrong usage has exit code 2."""
    assert command(*words).exit_code == 2


def test_runs_as_a_module() -> None:
    """``python -m sora_gateway`` is the same program."""
    done = subprocess.run(
        [sys.executable, "-m", "sora_gateway", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("sora-gateway ")
