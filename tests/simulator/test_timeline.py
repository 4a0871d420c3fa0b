"""Where a task stands is a pure function of record, timing and time (Sora web protocol, 7.1 and 12)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.simulator.fault_rules import Outcome
from sora_gateway.simulator.records import Task, TaskKind
from sora_gateway.simulator.scenario import load_scenario
from sora_gateway.simulator.timeline import effective_outcome, schedule

REAL = load_scenario("real").timing

TASK = Task(
    id="task_1",
    account_id="user-1",
    kind="video",
    created_at=1000.0,
    prompt="a boat",
    outcome="success",
    outcome_text=None,
    seed=7,
    seconds=10,
    width_px=720,
    height_px=1280,
    cost=1,
    generation_ids=("gen_1",),
    body={},
)


@pytest.mark.parametrize(
    ("after_s", "status", "progress"),
    [
        (0, "preprocessing", None),
        (9.9, "preprocessing", None),
        (10, "queued", None),
        (54.9, "queued", None),
        (55, "running", 0.1),
        (105, "running", 0.5),
        (154.9, "running", 0.9),
        (155, "processing", 1.0),
        (164.9, "processing", 1.0),
        (165, "succeeded", 1.0),
    ],
)
def test_the_observed_run(after_s: float, status: str, progress: float | None) -> None:
    """The scenario `real` repeats the observed run: running at 55 s, gone at 165 s."""
    standing = schedule(TASK, REAL.video).standing(1000 + after_s)
    assert (standing.status, standing.progress) == (status, progress)


def test_the_draft_follows_four_seconds_later() -> None:
    """The result appears after the task has left the pending list."""
    plan = schedule(TASK, REAL.video)
    assert (plan.leaves_at, plan.result_at, plan.links_at) == (1165, 1169, 1169)


@pytest.mark.parametrize(
    ("kind", "asked", "real"),
    [
        ("video", "success", "success"),
        ("video", "unsafe", "violation"),
        ("video", "error", "error"),
        ("image", "violation", "unsafe"),
        ("image", "error", "fail_pending"),
        ("image", "unsafe", "unsafe"),
        ("image", "late_url", "late_url"),
    ],
)
def test_outcomes_fit_the_kind(kind: TaskKind, asked: Outcome, real: Outcome) -> None:
    """Images know no drafts and videos no unsafe counter."""
    assert effective_outcome(replace(TASK, kind=kind, outcome=asked)) == real


def test_a_failed_task_stays_listed_and_gets_no_result() -> None:
    """It fails before the last phase, frees its slot and is shown as failed for a while."""
    plan = schedule(replace(TASK, outcome="fail_pending"), REAL.video)
    assert plan.standing(1154).status == "running"
    assert plan.standing(1155).status == "failed"
    assert (plan.ends_at, plan.leaves_at) == (1155, 1275)
    assert (plan.result_at, plan.links_at) == (None, None)


def test_a_late_url_comes_later_and_a_violation_never() -> None:
    """Only what succeeded has links."""
    assert schedule(replace(TASK, outcome="late_url"), REAL.video).links_at == 1199
    assert schedule(replace(TASK, outcome="violation"), REAL.video).links_at is None


def test_jitter_and_length_stretch_a_life() -> None:
    """Both are data; the same seed always stretches alike."""
    timing = REAL.video.model_copy(update={"jitter": 0.5, "factor_by_seconds": {10: 2.0}})
    first, second = schedule(TASK, timing), schedule(TASK, timing)
    assert first == second
    assert 1000 + 165 <= first.ends_at <= 1000 + 495
    assert first.ends_at != 1000 + 330


def test_empty_phases_and_single_phase_lives_end_at_once() -> None:
    """A phase of no length is passed over, and the only phase is kept even for a failure."""
    phase = REAL.video.phases[2].model_copy(update={"seconds": 0})
    timing = REAL.video.model_copy(update={"phases": (phase,)})
    assert schedule(TASK, timing).standing(1000).status == "succeeded"
    assert schedule(replace(TASK, outcome="fail_pending"), timing).standing(1000).status == "failed"


def test_a_stuck_task_stays_at_99_percent() -> None:
    """For a year, holding its slot; it has no result."""
    plan = schedule(replace(TASK, outcome="stuck"), REAL.video)
    standing = plan.standing(1000 + 86_400)
    assert (standing.status, standing.progress, plan.result_at) == ("running", 0.99, None)
    assert plan.ends_at > 1000 + 300 * 86_400


def test_a_vanishing_task_is_gone_half_way() -> None:
    """It works until then, and leaves nothing."""
    plan = schedule(replace(TASK, outcome="vanish"), REAL.video)
    assert (plan.is_gone(1082), plan.is_gone(1083)) == (False, True)
    assert (plan.result_at, plan.links_at) == (None, None)


@pytest.mark.parametrize(("kind", "outcome"), [("video", "late_draft"), ("image", "late_url")])
def test_a_late_draft(kind: TaskKind, outcome: Outcome) -> None:
    """A video's result shows later than another one's; an image's has its file later."""
    late = replace(TASK, kind=kind, outcome="late_draft")
    assert effective_outcome(late) == outcome
    if kind == "video":
        assert schedule(late, REAL.video).result_at == 1169 + REAL.video.late_result_s
