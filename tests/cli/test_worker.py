"""Prove what a worker does beside serving: it hears orders, says why it fails, and ends with its parent."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from sora_gateway.cli.listening import bind
from sora_gateway.cli.orders import GO, Orders, Report, packed, unpacked_report
from sora_gateway.settings import Settings, environment
from sora_gateway.telemetry.metrics import MULTIPROCESS


@contextmanager
def worker(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a worker that hears and says what the test likes."""
    with (
        bind("127.0.0.1", 0) as listener,
        subprocess.Popen(
            [sys.executable, "-P", "-m", "sora_gateway.cli.worker", str(listener.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(listener.fileno(),),
            env=environment(**{MULTIPROCESS: str(folder)}),
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def test_parent_gone_at_the_start(tmp_path: Path) -> None:
    """Without a parent there is nothing to do, and nothing to say."""
    with worker(tmp_path) as process:
        said = process.communicate(timeout=40)
    assert (process.returncode, *said) == (0, b"", b"")


def test_failure(tmp_path: Path) -> None:
    """Why it cannot serve is reported to the parent, and printed by the parent alone."""
    settings = Settings(REDIS_URL=SecretStr("redis://host:port"), data_dir=tmp_path, workers=2)
    orders = packed(Orders(number=1, settings=settings, metrics_dir=tmp_path))
    with worker(tmp_path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(orders + GO)
        process.stdin.flush()
        report = unpacked_report(process.stdout.readline())
        code = process.wait(40)
        _, complaints = process.communicate()
    assert code == 1
    assert report.failure is not None
    assert report == Report(failure=report.failure)
    assert "REDIS_URL cannot be used" in report.failure
    assert complaints == b""
