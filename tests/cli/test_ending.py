"""Prove that signals reach their handler, and that a process that hangs is ended."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

from sora_gateway.cli.ending import signals


async def test_signals() -> None:
    """Both signals are handled while the block runs; afterwards they are as before."""
    before = signal.getsignal(signal.SIGTERM)
    heard: asyncio.Queue[int] = asyncio.Queue()
    with signals(heard.put_nowait):
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)
            assert await heard.get() == number
    assert signal.getsignal(signal.SIGTERM) == before


def test_whatever_hangs() -> None:
    """A process that neither returns nor listens is ended, with a word of why and exit code 0."""
    code = "import threading; from sora_gateway.cli.ending import end_for_sure; end_for_sure(0.1)"
    hang = "lock = threading.Lock(); lock.acquire(); lock.acquire()"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {hang}"], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0
    assert done.stderr.startswith("Stopping took too long")
