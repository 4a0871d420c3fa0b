"""Prove that keys are made, shown once, listed by their ends, and revoked."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from sora_gateway.domain.licences import Licence, Permission
from sora_gateway.kit.clock import system_now
from sora_gateway.licences.keys import hash_key
from sora_gateway.settings import load
from sora_gateway.store_access import open_store
from tests.cli.conftest import Command


def licence_of(key: str) -> Licence | None:
    """Return what the store knows of the key."""

    async def read() -> Licence | None:
        async with open_store(load(), is_brief=True) as store:
            return await store.licences.by_hash(hash_key(key))

    return asyncio.run(read())


def test_create_grants_only_chat(command: Command) -> None:
    """Without a word about permissions a key opens chat, and nothing else is on standard output."""
    result = command("licence", "create", "ann")
    key = result.stdout.strip()
    assert result.exit_code == 0
    assert key.startswith("sg-")
    assert "only time" in result.stderr
    licence = licence_of(key)
    assert licence is not None
    assert (licence.name, licence.permissions) == ("ann", {Permission.CHAT})
    assert licence.expires_at is None


def test_create_list_revoke(command: Command) -> None:
    """The list shows a hint, never the key; a revoked key opens nothing any more."""
    assert "no licence yet" in command("licence", "list").stderr
    words = ("--permission", "videos", "-p", "images", "--expires", "30d", "--json")
    made = json.loads(command("licence", "create", "bob", *words).stdout)
    assert made["permissions"] == ["images", "videos"]
    assert made["expires_at"] - system_now() > 29 * 86_400
    shown = command("licence", "list").stdout
    assert made["api_key"] not in shown
    assert {made["id"], "bob", f"sg-...{made['api_key'][-4:]}", "live"} <= set(shown.split())

    assert command("licence", "revoke", made["id"]).exit_code == 0
    assert command("licence", "revoke", made["id"], "--json").exit_code == 0
    assert [one["state"] for one in json.loads(command("licence", "list", "--json").stdout)] == ["revoked"]
    licence = licence_of(made["api_key"])
    assert licence is None or not licence.is_live(system_now())


def test_all_permissions(command: Command) -> None:
    """``--all`` grants every permission there is."""
    made = json.loads(command("licence", "create", "eve", "--all", "--json").stdout)
    assert set(made["permissions"]) == {permission.value for permission in Permission}


def test_mistakes(command: Command) -> None:
    """An unknown permission and a wrong length are wrong usage, an unknown id is a failure."""
    assert command("licence", "create", "x", "-p", "fly").exit_code == 2
    result = command("licence", "create", "x", "--expires", "soon")
    assert (result.exit_code, result.stderr.startswith("Error: 'soon' is not")) == (2, True)
    result = command("licence", "revoke", "lic_none")
    assert (result.exit_code, "no licence with the id 'lic_none'" in result.stderr) == (1, True)


def test_bad_settings(command: Command, tmp_path: Path) -> None:
    """A bad setting is named on standard error; the exit code is 2."""
    (tmp_path / ".env").write_text("SORA_GATEWAY_PORT=many\n")
    result = command("licence", "list")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "SORA_GATEWAY_PORT=many cannot be used" in result.stderr


def test_store_that_is_not_there(command: Command, tmp_path: Path) -> None:
    """A folder that cannot be made is told in a sentence."""
    (tmp_path / "file").write_text("")
    result = command("licence", "list", "--data-dir", "file/data")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")


def test_store_that_does_not_answer(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is not there is told in a sentence, after a few seconds, without its address."""
    monkeypatch.setenv("REDIS_URL", "unix:///nowhere/geheim")
    result = command("licence", "list")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: The store did not answer")
    assert "geheim" not in result.stderr


@pytest.mark.parametrize("name", ["", "  "])
def test_a_name_is_needed(command: Command, name: str) -> None:
    """A key that nobody could tell from others is not made."""
    result = command("licence", "create", name)
    assert result.exit_code == 2
    assert "whose key" in result.output
    assert json.loads(command("licence", "list", "--json").stdout) == []


def test_update_rotate_disable_enable(command: Command) -> None:
    """Fields change one by one; a rotated key opens at once and the old one for its grace."""
    words = ("--all", "--daily-units", "10", "--group", "plus", "--model", "sora-2", "--json")
    made = json.loads(command("licence", "create", "fay", *words).stdout)
    assert (made["daily_units"], made["groups"], made["models"], made["weight"]) == (
        10,
        ["plus"],
        ["sora-2"],
        1,
    )
    assert made["priority"] == "normal"
    options = ("--monthly-units", "90", "--priority", "high")
    changed = json.loads(command("licence", "update", made["id"], *options, "--json").stdout)
    assert (changed["daily_units"], changed["monthly_units"], changed["name"]) == (10, 90, "fay")
    assert changed["priority"] == "high"
    assert "high priority" in command("licence", "show", made["id"]).stdout

    rotated = json.loads(command("licence", "rotate", made["id"], "--grace", "1d", "--json").stdout)
    new, old = licence_of(rotated["api_key"]), licence_of(made["api_key"])
    assert new is not None
    assert old is not None
    assert (new.id, new.bounds.monthly_units, new.expires_at) == (made["id"], 90, None)
    assert old.expires_at == rotated["old_key_until"]

    assert "is disabled" in command("licence", "disable", made["id"]).stdout
    assert "disabled" in command("licence", "show", made["id"]).stdout
    assert "is live" in command("licence", "enable", made["id"]).stdout
    assert command("licence", "rotate", made["id"]).exit_code == 0
    assert licence_of(rotated["api_key"]) is None
    assert command("licence", "revoke", made["id"]).exit_code == 0
    refused = command("licence", "rotate", made["id"], "--grace", "0")
    assert (refused.exit_code, "revoked for good" in refused.stderr) == (1, True)


def test_usage_of_nothing(command: Command) -> None:
    """A licence without jobs has a row of zeros among all, and a sentence of its own."""
    made = json.loads(command("licence", "create", "gil", "--json").stdout)
    assert made["id"] in command("licence", "usage").stdout
    assert "Nothing was used" in command("licence", "usage", made["id"]).stderr
    assert json.loads(command("licence", "usage", "--days", "7", "--json").stdout) == [
        {"id": made["id"], "name": "gil", "days": []}
    ]
    assert command("licence", "usage", "lic_none").exit_code == 1
    assert command("licence", "update", made["id"], "--model", "sora_video9").exit_code == 2
