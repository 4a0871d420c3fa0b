"""Prove that several workers start, fail and end as one."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.processes import Process, gone

Start = Callable[..., Process]


def test_start_that_fails(tmp_path: Path) -> None:
    """A folder that cannot be used is said once, by the parent, with exit code 1."""
    (tmp_path / "file").touch()
    words = ("serve", "--port", "0", "--workers", "2", "--data-dir", "file/data")
    done = subprocess.run(
        [sys.executable, "-m", "sora_gateway", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=40,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert [line for line in done.stderr.splitlines() if "Error" in line] == [done.stderr.splitlines()[-1]]
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_end(start: Start, number: int) -> None:
    """It listens once for all; each way to end it leaves nothing behind."""
    process = start("serve", "--port", "0", "--workers", "2", "--data-dir", "d")
    process.listening()
    process.wait(lambda: process.said.count("node works") == 2, "second worker")
    assert process.said.count("Listening on ") == 1
    children = process.descendants()
    assert len(children) == 3, "two workers and the store"
    code, took_s = process.stop(number)
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    assert took_s < 5
    assert gone(children, 6)
    assert "Traceback" not in process.said


@pytest.mark.slow
def test_end_before_the_start(start: Start) -> None:
    """A stop that comes before anybody could call ends all as well."""
    process = start("serve", "--port", "0", "--workers", "2", "--data-dir", "d")
    children = process.wait(process.descendants, "child")
    process.wait(lambda: "embedded store" in process.said, "store")
    children += process.descendants()
    code, took_s = process.stop()
    assert (code, took_s < 5) == (0, True)
    assert gone(children, 2)
    assert "Traceback" not in process.said
