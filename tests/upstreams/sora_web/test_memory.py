"""What is remembered between looks, and how much."""

from __future__ import annotations

from sora_gateway.upstreams.sora_web.memory import Memory, Sight


def test_a_sight_is_kept_and_changed_in_place() -> None:
    """The same task has the same sight, a new one a blank one."""
    memory = Memory()
    memory.of("a").missed = 2
    assert memory.of("a") == Sight(missed=2)
    assert memory.of("b") == Sight()


def test_the_longest_unused_is_forgotten_first() -> None:
    """Memory is bounded; asking for a task keeps it."""
    memory = Memory(most=2)
    for task_id in ("a", "b", "a", "c"):
        memory.of(task_id).was_seen = True
    assert len(memory) == 2
    assert memory.of("a").was_seen
    assert not memory.of("b").was_seen


def test_markers_that_more_than_one_task_may_show() -> None:
    """They are remembered one by one, the longest unused is forgotten."""
    memory = Memory(most=2)
    assert not memory.is_inherited(None)
    for marker in ("sg-a-1", "sg-b-1", "sg-a-1", "sg-c-1"):
        memory.inherit(marker)
    assert [memory.is_inherited(f"sg-{job}-1") for job in "abc"] == [True, False, True]
