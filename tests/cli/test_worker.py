"""Prove what a worker does beside serving: it hears orders, says why it fails, and ends with its parent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pydantic import SecretStr

from sora_gateway.cli.listening import bind
from sora_gateway.cli.orders import GO, Orders, Report, packed, unpacked_report
from sora_gateway.settings import Settings, environment
from sora_gateway.telemetry.metrics import MULTIPROCESS


def worker(folder: Path, told: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run a worker that is told this, and nothing after it."""
    with bind("127.0.0.1", 0) as listener:
        return subprocess.run(
            [sys.executable, "-P", "-m", "sora_gateway.cli.worker", str(listener.fileno())],
            input=told,
            capture_output=True,
            check=False,
            timeout=40,
            pass_fds=(listener.fileno(),),
            env=environment(**{MULTIPROCESS: str(folder)}),
        )


def test_parent_gone_at_the_start(tmp_path: Path) -> None:
    """Without a parent there is nothing to do, and nothing to say."""
    done = worker(tmp_path, b"")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_failure(tmp_path: Path) -> None:
    """Why it cannot serve is reported to the parent, and printed by the parent alone."""
    settings = Settings(REDIS_URL=SecretStr("redis://host:port"), data_dir=tmp_path, workers=2)
    done = worker(tmp_path, packed(Orders(number=1, settings=settings, metrics_dir=tmp_path)) + GO)
    report = unpacked_report(done.stdout)
    assert done.returncode == 1
    assert report.failure is not None
    assert report == Report(failure=report.failure)
    assert "REDIS_URL cannot be used" in report.failure
    assert b"Traceback" not in done.stderr
    assert b"REDIS_URL cannot be used" not in done.stderr
