"""Searches are rare, ever rarer, and shared by the tasks of an account."""

from __future__ import annotations

from sora_gateway.upstreams.sora_web.lists_search import PAUSES_S, Searches


def test_pauses_grow() -> None:
    """Being out of reach again neither hastens nor delays the next search."""
    searches = Searches()
    made = []
    for now_s in range(1200):
        if searches.begin(["a"], now_s):
            made.append(now_s)
        searches.out_of_reach("a", now_s)
    assert made == [10, 30, 60, 100, 150, 270, 570, 870, 1170]
    assert made[4] - made[0] >= 120  # five reads over two minutes
    assert sorted(PAUSES_S) == list(PAUSES_S)


def test_a_search_is_for_all_that_are_out_of_reach() -> None:
    """Whose turn it is takes the others along; other accounts and tasks within reach have no part in it."""
    searches = Searches()
    for task_id, at_s in (("a", 0), ("b", 8), ("other", 8)):
        searches.out_of_reach(task_id, at_s)
    assert searches.begin(["a", "b", "near"], 10)
    assert not searches.begin(["a", "b", "near"], 29)
    assert searches.begin(["other"], 18)
    assert not searches.begin(["near"], 10_000)


def test_memory_is_bounded() -> None:
    """The first to be out of reach is forgotten first."""
    searches = Searches(most=2)
    for task_id in ("a", "b", "c"):
        searches.out_of_reach(task_id, 0)
    assert len(searches) == 2
    assert not searches.begin(["a"], 10)
    assert searches.begin(["b"], 10)
