"""The socket for what callers use, and the words for its bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class BoundName(StrEnum):
    """What an owner can reach the end of; the values are the fields of ``Bounds``."""

    DAILY_UNITS = "daily_units"
    MONTHLY_UNITS = "monthly_units"
    CONCURRENT_JOBS = "concurrent_jobs"
    QUEUED_JOBS = "queued_jobs"


class BoundReachedError(Exception):
    """The jobs are more than ``bound`` leaves, of which ``used`` is in use: nothing was written."""

    def __init__(self, bound: BoundName, used: int) -> None:
        super().__init__(f"{bound.value}: {used} in use")
        self.bound = bound
        self.used = used


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Where a caller stands with his requests of the last minute, after the one that was asked about.

    ``reset_s``: when all of ``limit`` are free again, if he makes no more. ``retry_after_s``: when the next
    one is; 0 while some remain.
    """

    is_allowed: bool
    limit: int
    remaining: int
    reset_s: float
    retry_after_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DayUsage:
    """What became of the jobs that an owner had accepted on ``date`` (UTC); ``units`` as they are charged."""

    date: str
    jobs: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    units: int = 0
    by_model: Mapping[str, int] = field(default_factory=dict)


class UsageStore(Protocol):
    """What owners of jobs have used. The numbers of days follow from the jobs and are kept 400 days."""

    async def take_request(self, owner: str, per_minute: int, *, is_counted: bool = True) -> Pace:
        """Count a request unless ``per_minute`` were made within the last 60 s, over all nodes.

        One that is refused, or not to be counted, takes nothing. One round trip.
        """
        ...

    async def days(self, owner: str, dates: Sequence[str]) -> Sequence[DayUsage]:
        """Return the owner's usage of each date, in their order, days without any included."""
        ...

    async def units(self, owner: str, periods: Sequence[str]) -> Sequence[int]:
        """Return the units charged to the owner in each period, a day (``2026-11-22``) or a month."""
        ...
