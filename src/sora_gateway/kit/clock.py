"""Say what time it is, as a value that is passed in."""

from __future__ import annotations

import time
from collections.abc import Callable

Now = Callable[[], float]
"""Returns the wall clock as Unix seconds."""


def system_now() -> float:
    """Return the machine's wall clock as Unix seconds."""
    return time.time()


def boottime() -> float:
    """Return seconds since boot, counting the time the machine slept.

    Used for leases and send deadlines: it neither jumps with the wall clock nor stops in suspend.
    """
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)
