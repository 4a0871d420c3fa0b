"""Prove how the parts of an installation are judged."""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import pytest
from pydantic import SecretStr

from sora_gateway.cli import checks
from sora_gateway.cli.enrol import Choices, new_account
from sora_gateway.cli.findings import Level
from sora_gateway.domain.accounts import AccountFacts, AccountState, Credential, Plan
from sora_gateway.domain.licences import Licence
from sora_gateway.kit.redact import Secret
from sora_gateway.settings import Settings

NOW = 1_790_000_000.0


def test_python() -> None:
    """Older interpreters are a problem."""
    assert checks.python_version((3, 11, 0)).level is Level.OK
    assert checks.python_version((3, 10, 9)).level is Level.PROBLEM


def test_modules() -> None:
    """A library that cannot be loaded is named."""
    good, bad = checks.modules((("json", "texts"), ("no_such_module", "nothing")))
    assert (good.level, bad.level, bad.what) == (Level.OK, Level.PROBLEM, "no_such_module")


def test_fonts(tmp_path: Path) -> None:
    """A missing font is only a warning."""
    font = tmp_path / "cjk.ttc"
    assert checks.fonts([(str(font), 0)]).level is Level.WARNING
    font.touch()
    assert checks.fonts([(str(font), 0)]).level is Level.OK


def test_data_folder(tmp_path: Path) -> None:
    """A folder is made, tried and measured; one that cannot be made is a problem."""
    assert checks.data_folder("data", tmp_path / "new").what == "data"
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").touch()
    assert checks.data_folder("data", tmp_path / "file").level is Level.PROBLEM


@pytest.mark.parametrize(
    ("free_bytes", "level"), [(2**40, Level.OK), (2**30, Level.WARNING), (2**20, Level.PROBLEM)]
)
def test_free_space(free_bytes: int, level: Level) -> None:
    """Little space is told before it is gone."""
    assert checks.free_space("data", Path("/data"), free_bytes).level is level


@pytest.mark.parametrize(
    ("number", "cores", "level", "text"),
    [
        (1, 1, Level.OK, "1 process on 1 core."),
        (4, 8, Level.OK, "4 processes on 8 cores."),
        (4, 2, Level.WARNING, "4 processes on 2 cores."),
    ],
)
def test_workers(number: int, cores: int, level: Level, text: str) -> None:
    """Each wants a core of its own."""
    found = checks.workers(number, cores)
    assert (found.level, found.text) == (level, text)


def test_secret_key(tmp_path: Path) -> None:
    """A key that others can read, or that other nodes lack, is told."""
    settings = Settings(data_dir=tmp_path)
    assert checks.secret_key(settings).level is Level.OK
    (tmp_path / "secret.key").write_text("x")
    (tmp_path / "secret.key").chmod(0o644)
    assert checks.secret_key(settings).level is Level.WARNING
    (tmp_path / "secret.key").chmod(0o600)
    assert checks.secret_key(settings).level is Level.OK
    shared = settings.model_copy(update={"redis_url": SecretStr("redis://x")})
    assert checks.secret_key(shared).level is Level.WARNING
    for secret, level in (("k" * 16, Level.OK), ("k" * 15, Level.WARNING)):
        assert checks.secret_key(shared.model_copy(update={"secret_key": SecretStr(secret)})).level is level


def test_licences() -> None:
    """Without a living key nobody can call."""
    live = Licence(id="a", name="a", key_hint="", permissions=frozenset(), created_at=0)
    assert checks.licences([live], NOW).level is Level.OK
    assert checks.licences([replace(live, revoked_at=1.0)], NOW).level is Level.WARNING


def test_accounts() -> None:
    """None ready is a problem, none at all a warning, a dead credential a warning."""
    facts = AccountFacts(backend_id="u", email=None, plan=Plan.FREE, expires_at=None)
    good = new_account(facts, Credential(access_token=Secret("t")), Choices(), NOW)
    dead = replace(good, state=AccountState.AUTH_FAILED)
    rested = replace(good, state=AccountState.COOLING, until=NOW - 1)
    assert checks.accounts([], NOW).level is Level.WARNING
    assert checks.accounts([good, rested], NOW).level is Level.OK
    assert checks.accounts([good, dead], NOW).level is Level.WARNING
    assert checks.accounts([dead], NOW).level is Level.PROBLEM
    assert checks.accounts([replace(good, owner="passthrough:a:b")], NOW).level is Level.WARNING


@pytest.mark.parametrize(
    ("date", "level"),
    [
        (formatdate(NOW - 5, usegmt=True), Level.OK),
        (formatdate(NOW + 600, usegmt=True), Level.WARNING),
        (None, Level.OK),
        ("nonsense", Level.OK),
    ],
)
def test_clock_against(date: str | None, level: Level) -> None:
    """A clock that is a minute off is told; without a second opinion the year must do."""
    assert checks.clock_against(date, NOW).level is level


def test_clock() -> None:
    """A machine that was never told the time is found out."""
    assert checks.clock(0.0).level is Level.PROBLEM


@pytest.mark.parametrize(
    ("records", "keys", "level"),
    [(0, 0, Level.OK), (0, 1, Level.OK), (2, 1, Level.WARNING), (2, 0, Level.WARNING)],
)
def test_old_keys(records: int, keys: int, level: Level) -> None:
    """Records that need an earlier key are counted, with the command that changes it."""
    finding = checks.old_keys(records, keys)
    assert finding.level is level
    assert ("rekey" in finding.advice) == bool(records)
