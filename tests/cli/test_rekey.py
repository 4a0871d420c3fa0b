"""Prove that the secret key can be changed without losing what it protects."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Command

OLD, NEW = "the-first-secret-key-0123456789", "the-second-secret-key-0123456789"


def levels(command: Command) -> dict[str, str]:
    """Return the level of each of the doctor's findings."""
    return {one["what"]: one["level"] for one in json.loads(command("doctor", "--json").stdout)}


def test_a_key_is_changed(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """New key in front, old one behind, ``rekey``, and the old one can go; ``doctor`` says so."""
    monkeypatch.setenv("SORA_GATEWAY_SECRET_KEY", OLD)
    assert levels(command)["old secret keys"] == "ok"  # the secret of the links was made with the first key

    monkeypatch.setenv("SORA_GATEWAY_SECRET_KEY", NEW)
    monkeypatch.setenv("SORA_GATEWAY_OLD_SECRET_KEYS", f"{OLD}, another-old-one")
    assert levels(command)["old secret keys"] == "warning"
    result = command("rekey", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"rekeyed": 1})
    assert "Nothing to do" in command("rekey").stdout

    monkeypatch.delenv("SORA_GATEWAY_OLD_SECRET_KEYS")
    found = levels(command)
    assert found["old secret keys"] == "ok"
    assert "problem" not in (found["media"], found["store"])


def test_a_lost_key(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the old key nothing is touched, and the setting is named, not the keys."""
    monkeypatch.setenv("SORA_GATEWAY_SECRET_KEY", OLD)
    levels(command)
    monkeypatch.setenv("SORA_GATEWAY_SECRET_KEY", NEW)
    result = command("rekey")
    assert result.exit_code == 1
    assert "SORA_GATEWAY_SECRET_KEY" in result.output
    assert OLD not in result.output
    assert NEW not in result.output
