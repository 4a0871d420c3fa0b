"""A run can be repeated from its seed."""

from __future__ import annotations

from collections import Counter

import pytest

from sora_gateway.simulator.fault_rules import FAULT
from tests.functional.chaos.plan import SHORT, What, plan_of, size_of

LONG = size_of(jobs=5000, kills=200, restarts=20)


def test_a_seed_is_a_plan() -> None:
    """The same seed gives the same run, another one another."""
    assert plan_of(7, SHORT) == plan_of(7, SHORT)
    assert plan_of(7, SHORT) != plan_of(8, SHORT)


@pytest.mark.parametrize("size", [SHORT, LONG], ids=["short", "long"])
def test_everything_that_is_asked_for_is_in_it(size: object) -> None:
    """Jobs, kills, restarts, cuts, stops and faults are as many as the size says, in order of time."""
    assert size in (SHORT, LONG)
    plan = plan_of(1, SHORT if size is SHORT else LONG)
    counts = Counter(action.what for action in plan.actions)
    asked = plan.size
    assert len(plan.wishes) == asked.jobs
    assert counts[What.KILL] == asked.kills
    assert counts[What.KILL_STORE] + counts[What.RESTART_STORE] == asked.restarts
    assert counts[What.CUT_STORE] == asked.cuts
    assert counts[What.STOP] == asked.stops
    assert counts[What.STOP_AT_DOOR] + counts[What.KILL_AT_DOOR] == asked.doors
    assert counts[What.FAULT] == asked.faults
    assert [action.at_s for action in plan.actions] == sorted(action.at_s for action in plan.actions)
    assert max(action.at_s for action in plan.actions) < asked.over_s + 2


def test_every_kind_of_fault_is_in_a_long_run() -> None:
    """The backend knows each rule of the plan, and no kind is left out."""
    faults = [action.fault for action in plan_of(1, LONG).actions if action.what is What.FAULT]
    known = FAULT.json_schema()["discriminator"]["mapping"]
    assert {fault["kind"] for fault in faults} == set(known)
    for fault in faults:
        FAULT.validate_python(fault)


def test_some_wishes_are_twins_and_some_are_taken_back() -> None:
    """Equal prompts, images, cancellations and deletions are part of every long run."""
    wishes = plan_of(1, LONG).wishes
    assert max(Counter(wish.prompt for wish in wishes).values()) > 1
    assert {wish.kind for wish in wishes} == {"image", "video"}
    assert {wish.then for wish in wishes} == {"keep", "cancel", "delete"}
