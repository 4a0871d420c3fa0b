"""Prove what ``doctor`` says about whole installations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sora_gateway.settings import example, variable_names
from tests.cli.conftest import Command


def found(command: Command, *words: str) -> tuple[int, dict[str, str]]:
    """Return the exit code and the level of each finding."""
    result = command("doctor", "--json", *words)
    return result.exit_code, {one["what"]: one["level"] for one in json.loads(result.stdout)}


def test_fresh_installation(command: Command) -> None:
    """A new folder has no problems; what is still missing is named with the command that makes it."""
    result = command("doctor")
    assert result.exit_code == 0
    assert "licence create" in result.stdout
    assert "account add" in result.stdout
    code, levels = found(command)
    assert (code, levels["store"], levels["durability"], levels["media"]) == (0, "ok", "ok", "ok")
    assert "embedded" in result.stdout


def test_bad_settings(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad settings are problems, each on its own line, and the rest is not tried."""
    monkeypatch.setenv("SORA_GATEWAY_PORT", "many")
    monkeypatch.setenv("SORA_GATEWAY_PRT", "1")
    result = command("doctor")
    assert result.exit_code == 1
    assert result.stdout.count("PROBLEM") == 2
    assert "SORA_GATEWAY_PORT=many" in result.stdout


def test_store_that_does_not_fit_the_folder(command: Command, tmp_path: Path) -> None:
    """Another vault than the store's, or another secret key, is found out."""
    assert found(command)[0] == 0
    (tmp_path / "data" / "media" / "vault.id").unlink()
    code, levels = found(command)
    assert (code, levels["media"]) == (1, "problem")


def test_wrong_secret_key(command: Command, tmp_path: Path) -> None:
    """Another secret key than the one that wrote the store is a problem."""
    assert found(command)[0] == 0
    (tmp_path / "data" / "secret.key").write_text("another")
    assert found(command)[0] == 1


def test_unusable_folder(command: Command, tmp_path: Path) -> None:
    """A data folder that cannot be made is a problem, not a traceback."""
    (tmp_path / "file").touch()
    code, levels = found(command, "--data-dir", "file/data")
    assert (code, levels["data folder"]) == (1, "problem")


def test_unreadable_address_of_the_store(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that nobody can read is told without repeating it: it may hold a password."""
    monkeypatch.setenv("REDIS_URL", "http://me:geheim@example.org")
    result = command("doctor")
    assert result.exit_code == 1
    assert "redis://" in result.stdout
    assert "geheim" not in result.output


def test_settings_are_listed(command: Command) -> None:
    """``--settings`` prints a file that can be used, ``--json`` the same as data."""
    assert command("doctor", "--settings").stdout == example()
    listed = json.loads(command("doctor", "--settings", "--json").stdout)
    assert tuple(one["name"] for one in listed) == variable_names()
    assert all(one["meaning"] for one in listed)
