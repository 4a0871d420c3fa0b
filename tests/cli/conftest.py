"""Commands in a folder of their own, without settings from outside."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from sora_gateway.cli.commands import app
from sora_gateway.settings import variable_names
from tests.cli.processes import Process

Command = Callable[..., Result]


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No settings, no ``.env``, and the loggers as they were."""
    for name in variable_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def command() -> Command:
    """Return what runs a command in this process: ``command("licence", "list")``."""

    def run(*words: str, input: str | None = None) -> Result:  # noqa: A002 - the runner's name
        result = CliRunner().invoke(app, list(words), input=input)
        assert "Traceback" not in result.output
        return result

    return run


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Return what starts a command as a process of its own; all are killed at the end."""
    with ExitStack() as stack:

        def begin(*words: str) -> Process:
            return stack.enter_context(Process(words, tmp_path))

        yield begin
