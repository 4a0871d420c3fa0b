"""Keep the simulator's own time: the machine's clock plus a skew that tests may add to."""

from __future__ import annotations

from datetime import UTC, datetime

from sora_gateway.kit.clock import Now, system_now


class SkewedClock:
    """A callable clock that can be moved forward, never back."""

    def __init__(self, now: Now = system_now, *, skew_s: float = 0.0) -> None:
        self._now = now
        self.skew_s = skew_s

    def __call__(self) -> float:
        """Return the simulated wall clock as Unix seconds."""
        return self._now() + self.skew_s

    def advance(self, seconds: float) -> None:
        """Move the clock forward.

        Raises:
            ValueError: ``seconds`` is negative; timelines are functions of a time that only grows.
        """
        if seconds < 0:
            raise ValueError("the clock moves forward only")
        self.skew_s += seconds


def to_iso(unix_s: float, *, timespec: str = "microseconds") -> str:
    """Return ``unix_s`` as the ISO 8601 text in UTC that the protocol prints, with a ``Z``."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def from_iso(text: str) -> float:
    """Return the Unix seconds of an ISO 8601 text with a zone.

    Raises:
        ValueError: the text is no such time.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone")
    return moment.timestamp()
