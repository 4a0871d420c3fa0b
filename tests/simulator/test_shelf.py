"""The lists of one account."""

from __future__ import annotations

from dataclasses import replace

from sora_gateway.simulator.shelf import Entry, Shelf
from sora_gateway.simulator.timeline import schedule
from tests.simulator.test_timeline import REAL, TASK


def _entry(number: int, created_at: float, seconds: int = 10) -> Entry:
    task = replace(TASK, id=f"task_{number:04}", created_at=created_at, seconds=seconds)
    timing = REAL.video.model_copy(update={"factor_by_seconds": {25: 10.0}})
    return Entry(task=task, schedule=schedule(task, timing))


def test_drafts_are_ordered_by_when_they_appear() -> None:
    """A long video started first appears last."""
    shelf = Shelf(86_400)
    shelf.add(_entry(1, 0, seconds=25))
    shelf.add(_entry(2, 10))
    page, onward = shelf.drafts(5000, None, 10)
    assert [entry.task.id for entry in page] == ["task_0001", "task_0002"]
    assert onward is None
    assert shelf.drafts(200, None, 10)[0][0].task.id == "task_0002"


def test_a_page_boundary_between_equal_times() -> None:
    """Drafts of one moment are kept apart by their ids."""
    shelf = Shelf(86_400)
    for number in range(4):
        shelf.add(_entry(number, 0))
    first, onward = shelf.drafts(1000, None, 2)
    second, end = shelf.drafts(1000, onward, 2)
    assert [entry.task.id[-1] for entry in (*first, *second)] == ["3", "2", "1", "0"]
    assert end is None


def test_finished_tasks_do_not_weigh_on_the_pending_list() -> None:
    """They leave the unfinished shelf, and what was printed for them is dropped."""
    shelf = Shelf(86_400)
    entry = _entry(1, 0)
    entry.printed = (b"x",)
    shelf.add(entry)
    assert len(list(shelf.pending(100))) == 1
    assert shelf.running(100, images=False) == 1
    assert list(shelf.pending(165)) == []
    assert shelf.running(165, images=False) == 0
    assert shelf._unfinished == {}
    assert entry.printed is None


def test_newest_pending_first() -> None:
    """As on the page."""
    shelf = Shelf(86_400)
    for number in range(3):
        shelf.add(_entry(number, number))
    assert [entry.task.id[-1] for entry, _ in shelf.pending(50)] == ["2", "1", "0"]
