"""Remember, between two looks at an account, how each task was seen. Bounded; losing it costs a few reads."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(slots=True)
class Sight:
    """How a task was seen so far.

    ``missed``: so many reads of the unfinished ones in a row did not show it. ``blank_since`` and
    ``blank_reads``: its draft had neither file nor reason.
    """

    was_seen: bool = False
    missed: int = 0
    blank_reads: int = 0
    blank_since: float | None = None
    is_first_generation: bool = False


class Memory:
    """The sights of the last tasks that were asked for, and markers that are shown by more than one task."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._sights: OrderedDict[str, Sight] = OrderedDict()
        self._inherited: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sights)

    def of(self, task_id: str) -> Sight:
        """Return what is remembered of the task, to be changed in place."""
        sight = self._sights.setdefault(task_id, Sight())
        self._sights.move_to_end(task_id)
        if len(self._sights) > self._most:
            self._sights.popitem(last=False)
        return sight

    def inherit(self, marker: str) -> None:
        """Remember that an extension of the video with this marker may show it too: it proves nothing now."""
        self._inherited[marker] = None
        self._inherited.move_to_end(marker)
        if len(self._inherited) > self._most:
            self._inherited.popitem(last=False)

    def is_inherited(self, marker: str | None) -> bool:
        """Tell whether more than one task may show the marker."""
        return marker in self._inherited
