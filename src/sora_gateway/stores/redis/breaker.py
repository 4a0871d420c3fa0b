"""Keep callers away from a server that does not answer, so that its return is no stampede."""

from __future__ import annotations

from collections.abc import Callable

from sora_gateway.kit.backoff import backoff_s
from sora_gateway.kit.clock import boottime

_PATIENCE_S = 2.0
_PROBE_BASE_S = 0.1
_PROBE_CAP_S = 1.0
_JITTER = 0.5


class KeptAwayError(Exception):
    """The server did not answer a moment ago; it was not asked."""


class Breaker:
    """Opens after two seconds of nothing but failures; then one call at a time, now and then, may try.

    Call ``enter`` before each try, and tell its outcome with what that returned by one of ``succeeded``,
    ``failed``, ``abandoned``.
    """

    def __init__(self, clock: Callable[[], float] = boottime) -> None:
        self._clock = clock
        self._failing_since: float | None = None
        self._probes = 0
        self._probe_at = 0.0
        self._probe: float | None = None
        self.is_open = False
        """Whether the server is taken to be away."""

    def enter(self) -> float:
        """Begin a try.

        Raises:
            KeptAwayError: not now.
        """
        now_s = self._clock()
        if self.is_open:
            if self._probe is not None or now_s < self._probe_at:
                raise KeptAwayError
            self._probe = now_s
        return now_s

    def succeeded(self) -> None:
        """Record an answer: all may ask again."""
        self._failing_since = self._probe = None
        self._probes = 0
        self.is_open = False

    def failed(self, began_at: float) -> None:
        """Record that none came."""
        now_s = self._clock()
        if self._failing_since is None:
            self._failing_since = began_at
        if self.is_open and self._probe != began_at:
            return  # was under way when it opened
        if now_s - self._failing_since >= _PATIENCE_S:
            self.is_open = True
            self._probe = None
            self._probes += 1
            pause_s = backoff_s(self._probes, base_s=_PROBE_BASE_S, cap_s=_PROBE_CAP_S, jitter=_JITTER)
            self._probe_at = now_s + pause_s

    def abandoned(self, began_at: float) -> None:
        """Record that the caller went away before there was an outcome."""
        if self._probe == began_at:
            self._probe = None
