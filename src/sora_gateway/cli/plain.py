"""Say in one or two plain sentences why a command failed, and end it with the right exit code."""

from __future__ import annotations

import errno
from typing import Any

import typer
from typer.core import TyperGroup

from sora_gateway.domain.errors import GatewayError
from sora_gateway.kit.redact import redact
from sora_gateway.settings import SettingsError
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

FAILED = 1
MISUSED = 2


class CommandError(Exception):
    """A command cannot do what it was asked; the text is for the person who asked."""

    def __init__(self, message: str, *, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class PlainGroup(TyperGroup):
    """Commands that end with a sentence on standard error, never with a traceback."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # typer's name of click's class
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, typer.TyperException):
            raise
        except Exception as error:
            message, exit_code = told(error)
            log.debug("command failed", exc_info=error)
            typer.echo(f"Error: {message}", err=True)
            raise typer.Exit(exit_code) from None


def told(error: BaseException) -> tuple[str, int]:
    """Return what to say about ``error``, and the exit code."""
    error = cause_of(error)
    match error:
        case CommandError():
            return str(error), error.exit_code
        case SettingsError():
            return str(error), MISUSED
        case GatewayError():
            return redact(error.message), FAILED
        case OSError():
            return _told_by_system(error), FAILED
        case _:
            text = redact(f"{type(error).__name__}: {error}")
            return (
                f"Something unexpected went wrong ({text}). Please report it; "
                "SORA_GATEWAY_LOG_LEVEL=debug shows more.",
                FAILED,
            )


def cause_of(error: BaseException) -> BaseException:
    """Return the first error inside groups of errors."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


_ADVICE = {
    errno.EACCES: "Change its owner or choose another folder.",
    errno.EROFS: "Choose a folder on a disk that can be written.",
    errno.ENOSPC: "Free some space and try again.",
}


def _told_by_system(error: OSError) -> str:
    what = f"{error.filename}: " if error.filename is not None else ""
    said = f"{what}{error.strerror or error}."
    advice = _ADVICE.get(error.errno or 0)
    return f"{said} {advice}" if advice else said
