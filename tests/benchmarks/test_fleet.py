"""The fleet's backend never ends a task, and its calls are counted by the account that was asked most."""

from __future__ import annotations

from benchmarks.fleet import FULL, SMALL, count_lists, looked, scenario
from benchmarks.samples import Count

from sora_gateway.simulator.scenario import Scenario
from tests.functional.harness import scenario_like

PENDING, DRAFTS = "GET /nf/pending/v2", "GET /project_y/profile/drafts/v2"


def counted(calls: dict[tuple[str, str], int]) -> list[Count]:
    """Counts of ten seconds."""
    return [sample for sample in count_lists(calls, SMALL, 10.0, "fleet") if isinstance(sample, Count)]


def test_the_scenario_has_room_for_the_fleet() -> None:
    """Slots for all jobs, quota to spare, and one percent of progress in ten seconds."""
    made = Scenario.model_validate(scenario_like("fast", **scenario(FULL)))
    assert sum(account.video_concurrency or 0 for account in made.accounts) == FULL.jobs == 10_000
    (phase,) = made.timing.video.phases
    assert phase.seconds == 1000


def test_the_account_asked_most_counts() -> None:
    """An average would hide one account that is asked twice as often as it may be."""
    lists, _ = counted({(PENDING, "a0"): 10, (PENDING, "a1"): 20})
    assert lists.counted == 2.0
    assert not lists.is_kept


def test_lists_of_two_kinds_are_counted_apart() -> None:
    """One call to each in an interval is as promised."""
    lists, others = counted({(PENDING, "a0"): 10, (DRAFTS, "a0"): 10})
    assert (lists.counted, lists.is_kept) == (1.0, True)
    assert others.is_kept


def test_other_calls_are_told() -> None:
    """Nothing but lists is asked for while nothing begins or ends."""
    _, others = counted({(PENDING, "a0"): 10, ("GET /nf/check", "a0"): 1})
    assert not others.is_kept
    assert others.detail == "GET /nf/check 1"


def test_an_engine_that_does_not_keep_up_is_seen() -> None:
    """Few calls keep every promise; so the share of the looks that were made stands beside."""
    calls = {(PENDING, f"a{number}"): 5 for number in range(SMALL.accounts)}
    assert looked(calls, SMALL, 10.0) == 0.5
