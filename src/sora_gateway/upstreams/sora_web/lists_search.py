"""Decide when lists are read further back than usual, for tasks that the usual pages do not show."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

PAUSES_S = (10.0, 20.0, 30.0, 40.0, 50.0, 120.0, 300.0)
"""From when a task was first out of reach, then after each search; the last one for ever.

Five searches take two and a half minutes: so many complete reads, over two minutes, make a task lost.
"""


@dataclass(slots=True)
class _Wait:
    until: float
    searches: int = 0


class Searches:
    """The tasks that were out of reach, and when each is searched for next. Bounded; losing it costs time.

    A task that a search has found is out of reach again at the next look, so it stays here.
    """

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._waits: OrderedDict[str, _Wait] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waits)

    def begin(self, task_ids: Iterable[str], now_s: float) -> bool:
        """Tell whether any of an account's tasks is to be searched for now.

        If so the search counts as made for all of them that are out of reach, even if it fails.
        """
        if not self._waits:
            return False
        waits = [wait for task_id in task_ids if (wait := self._waits.get(task_id)) is not None]
        if not any(now_s >= wait.until for wait in waits):
            return False
        for wait in waits:
            wait.searches += 1
            wait.until = now_s + PAUSES_S[min(wait.searches, len(PAUSES_S) - 1)]
        return True

    def out_of_reach(self, task_id: str, now_s: float) -> None:
        """Remember that the pages that were read neither show the task nor go back to its start."""
        if task_id not in self._waits:
            self._waits[task_id] = _Wait(until=now_s + PAUSES_S[0])
            if len(self._waits) > self._most:
                self._waits.popitem(last=False)
