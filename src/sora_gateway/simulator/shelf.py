"""Keep the tasks of one account in the orders its lists need.

Unfinished tasks stand apart, so a list of pending tasks costs as much as there are pending tasks;
finished ones are moved, once, to a list sorted by the moment their result appears.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass

from sora_gateway.simulator.quota import Spending
from sora_gateway.simulator.records import Task
from sora_gateway.simulator.timeline import Schedule, Standing


@dataclass(slots=True, kw_only=True)
class Entry:
    """A task with its schedule and how many more lists will omit it."""

    task: Task
    schedule: Schedule
    hidden_answers: int = 0
    printed: tuple[bytes, ...] | None = None
    """The unchanging parts of its pending item, kept while it is pending."""

    def is_hidden(self, now: float) -> bool:
        """Tell whether a list answer at ``now`` omits it; each such question uses up one omission."""
        if now < self.schedule.shows_at or self.schedule.is_gone(now):
            return True
        if self.hidden_answers > 0 and now < self.schedule.ends_at:
            self.hidden_answers -= 1
            return True
        return False


Position = tuple[float, str]
"""A draft's place in the list: when it appeared, and its task's id."""


class Shelf:
    """All tasks of one account."""

    def __init__(self, window_s: float) -> None:
        self.videos = Spending(window_s)
        self.images = Spending(window_s)
        self._unfinished: dict[str, Entry] = {}
        self._results: list[tuple[float, str, Entry]] = []
        self._v1: list[Entry] = []
        self._v1_index: dict[str, int] = {}

    def add(self, entry: Entry) -> None:
        """Put a new task on the shelf and charge it."""
        task = entry.task
        self._unfinished[task.id] = entry
        purse = self.images if task.kind == "image" else self.videos
        purse.charge(task.cost, task.created_at)
        if task.kind != "video":
            self._v1_index[task.id] = len(self._v1)
            self._v1.append(entry)

    def running(self, now: float, *, images: bool) -> int:
        """Return how many slots are taken."""
        self._settle(now)
        return sum(
            1
            for entry in self._unfinished.values()
            if (entry.task.kind == "image") == images and now < entry.schedule.ends_at
        )

    def pending(self, now: float) -> Iterator[tuple[Entry, Standing]]:
        """Yield the unfinished Sora 2 tasks that a pending list shows, newest first."""
        self._settle(now)
        for entry in reversed(list(self._unfinished.values())):
            if entry.task.kind == "video" and not entry.is_hidden(now):
                yield entry, entry.schedule.standing(now)

    def drafts(self, now: float, before: Position | None, limit: int) -> tuple[list[Entry], Position | None]:
        """Return up to ``limit`` drafts, newest first, and the position to go on from, if any."""
        self._settle(now)
        end = bisect_right(self._results, now, key=lambda row: row[0])
        if before is not None:
            end = min(end, bisect_left(self._results, before, key=lambda row: (row[0], row[1])))
        start = max(0, end - limit)
        page = self._results[start:end]
        onward = page[0][:2] if start > 0 and page else None
        return [entry for _, _, entry in reversed(page)], onward

    def v1_page(
        self, now: float, *, before: str | None, limit: int, kinds: set[str]
    ) -> tuple[list[Entry], bool]:
        """Return up to ``limit`` v1 tasks, newest first, and whether older ones exist."""
        end = len(self._v1) if before is None else self._v1_index.get(before, 0)
        page: list[Entry] = []
        for index in range(end - 1, -1, -1):
            entry = self._v1[index]
            if entry.task.kind not in kinds or entry.is_hidden(now):
                continue
            if len(page) == limit:
                return page, True
            page.append(entry)
        return page, False

    def _settle(self, now: float) -> None:
        gone = [entry for entry in self._unfinished.values() if now >= entry.schedule.leaves_at]
        for entry in gone:
            del self._unfinished[entry.task.id]
            entry.printed = None
            if entry.task.kind == "video" and entry.schedule.result_at is not None:
                insort(
                    self._results, (entry.schedule.result_at, entry.task.id, entry), key=lambda row: row[:2]
                )
