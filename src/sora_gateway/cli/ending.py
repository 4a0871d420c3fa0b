"""End a process when a signal says so, and in time whatever hangs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def signals(handle: Callable[[int], None]) -> Iterator[None]:
    """Call ``handle`` in the running loop for each SIGINT and SIGTERM while the block runs."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, handle, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def end_for_sure(seconds: float) -> None:
    """End the process after ``seconds`` even if something hangs; its children end with it."""

    def end() -> None:
        sys.stderr.write("Stopping took too long; ended at once. Accepted jobs are kept.\n")
        sys.stderr.flush()
        os._exit(0)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
