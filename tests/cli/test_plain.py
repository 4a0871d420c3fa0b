"""Prove that failures are told in plain words, with the right exit code."""

from __future__ import annotations

import pytest

from sora_gateway.cli.plain import CommandError, cause_of, told
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.settings import SettingsError

CASES = [
    (CommandError("No."), "No.", 1),
    (CommandError("Not so.", exit_code=2), "Not so.", 2),
    (SettingsError("PORT=x cannot be used."), "PORT=x cannot be used.", 2),
    (GatewayError(ErrorKind.STORE_UNAVAILABLE, "The store is away."), "The store is away.", 1),
    (PermissionError(13, "Permission denied", "/data"), "/data: Permission denied. Change its owner", 1),
    (ExceptionGroup("", [ExceptionGroup("", [CommandError("Deep.")])]), "Deep.", 1),
    (ZeroDivisionError("half"), "Something unexpected went wrong (ZeroDivisionError: half).", 1),
]


@pytest.mark.parametrize(("error", "words", "code"), CASES, ids=[type(case[0]).__name__ for case in CASES])
def test_told(error: Exception, words: str, code: int) -> None:
    """Each kind of error has its words and its code."""
    text, exit_code = told(error)
    assert text.startswith(words)
    assert exit_code == code


def test_secrets_are_not_told() -> None:
    """An error that quotes a key does not show it."""
    error = GatewayError(ErrorKind.INTERNAL, "Bad key sg-abcdefghijklmnop.")
    assert told(error)[0] == "Bad key ***."


def test_cause_of_a_single_error() -> None:
    """An error outside any group is its own cause."""
    error = OSError("x")
    assert cause_of(error) is error
