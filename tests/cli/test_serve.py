"""Prove that ``serve`` runs, works beside other commands, and ends in time."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from tests.cli.conftest import Command
from tests.cli.processes import Process, gone

Start = Callable[..., Process]


def cli(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in a process of its own."""
    command = [sys.executable, "-m", "sora_gateway", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=40)


def test_serve_beside_other_commands(start: Start, command: Command) -> None:
    """A key made beside a running gateway opens it at once, a revoked one soon no more; SIGTERM ends all."""
    process = start("serve", "--port", "0", "--data-dir", "d")
    url = process.listening()
    assert "licence create NAME --all --data-dir d" in process.said
    made = json.loads(command("licence", "create", "ann", "--all", "--json", "--data-dir", "d").stdout)
    headers = {"Authorization": f"Bearer {made['api_key']}"}
    assert httpx2.get(f"{url}/sora/v1/models", headers=headers, trust_env=False).status_code == 200
    assert command("licence", "revoke", made["id"], "--data-dir", "d").exit_code == 0
    assert "revoked" in command("licence", "list", "--data-dir", "d").stdout
    process.wait(
        lambda: httpx2.get(f"{url}/sora/v1/models", headers=headers, trust_env=False).status_code == 401,
        "refusal of the revoked key",  # nodes remember a key's licence for some seconds
    )
    doctor = command("doctor", "--data-dir", "d")
    assert (doctor.exit_code, "embedded" in doctor.stdout) == (0, True), doctor.stdout
    assert httpx2.get(f"{url}/readyz", trust_env=False).status_code == 200
    children = process.descendants()
    assert children
    code, took_s = process.stop()
    assert (code, took_s < 5) == (0, True)
    assert gone(children, 2)
    assert "Traceback" not in process.said


def test_interrupt(start: Start) -> None:
    """Ctrl+C ends it as SIGTERM does."""
    process = start("serve", "--port", "0")
    process.listening()
    code, took_s = process.stop(signal.SIGINT)
    assert (code, took_s < 5) == (0, True)


def test_killed(start: Start) -> None:
    """kill -9 leaves no store behind."""
    process = start("serve", "--port", "0")
    process.listening()
    children = process.descendants()
    process.stop(signal.SIGKILL)
    assert gone(children, 5)


@pytest.mark.parametrize("variable", ["SORA_GATEWAY_PORT=x", "SORA_GATEWAY_PRT=1", "SORA_GATEWAY_WORKERS=0"])
def test_bad_settings(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad setting is named, with exit code 2."""
    monkeypatch.setenv(*variable.split("="))
    done = cli("serve")
    assert (done.returncode, done.stdout) == (2, "")
    assert variable.split("=")[0] in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_taken_port(start: Start) -> None:
    """A second gateway on the port says so, and leaves the first alone."""
    first = start("serve", "--port", "0")
    url = first.listening()
    for workers in ("1", "2"):
        done = cli("serve", "--port", url.rpartition(":")[2], "--data-dir", "other", "--workers", workers)
        assert (done.returncode, done.stderr.count("is taken by another program")) == (1, 1)
    assert httpx2.get(f"{url}/healthz", trust_env=False).status_code == 200


def test_start_that_fails(tmp_path: Path) -> None:
    """A folder that cannot be used is one sentence and exit code 1."""
    (tmp_path / "file").touch()
    done = cli("serve", "--port", "0", "--data-dir", "file/data")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in done.stderr


def test_unusable_vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A media folder that cannot be used is one sentence too, though the store is open by then."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("SORA_GATEWAY_MEDIA_DIR", "file/media")
    done = cli("serve", "--port", "0")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Error: The media folder cannot be used")
    assert "Traceback" not in done.stderr
