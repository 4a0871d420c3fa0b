"""Say where a task stands at a moment: a pure function of the task, the scenario's timing and the time.

Sora web protocol, sections 7.1 and 12; nothing is stored, so a restarted simulator carries on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sora_gateway.simulator.fault_rules import Outcome
from sora_gateway.simulator.records import Task
from sora_gateway.simulator.scenario import Phase, Timing

_NEVER_S = 366 * 86_400.0
_STUCK_AT = 0.99
_OF_IMAGES: Mapping[Outcome, Outcome] = {
    "violation": "unsafe",
    "error": "fail_pending",
    "late_draft": "late_url",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One status with its absolute times and its progress at both ends."""

    status: str
    starts_at: float
    ends_at: float
    progress_from: float | None
    progress_to: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a list shows of a task at one moment."""

    status: str
    progress: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The whole life of one task in absolute Unix seconds."""

    steps: tuple[Step, ...]
    shows_at: float
    """Lists name it from here on."""
    ends_at: float
    """It stops working (and frees its slot) here."""
    leaves_at: float
    """The pending list drops it here; later than ``ends_at`` only for a failed task."""
    result_at: float | None
    """Its draft or generations appear here; never, for a failed task."""
    links_at: float | None
    """Its media can be fetched from here on; never, unless it succeeded."""
    final_status: str
    vanishes_at: float | None = None
    """From here on no list and no call knows it."""

    def is_gone(self, now: float) -> bool:
        """Tell whether the backend has forgotten it."""
        return self.vanishes_at is not None and now >= self.vanishes_at

    def standing(self, now: float) -> Standing:
        """Return status and progress at ``now``."""
        if now >= self.ends_at:
            return Standing(
                status=self.final_status, progress=1.0 if self.final_status == "succeeded" else None
            )
        for step in self.steps:
            if now < step.ends_at:
                return Standing(status=step.status, progress=_progress(step, now))
        return Standing(status=self.steps[-1].status, progress=self.steps[-1].progress_to)


def schedule(task: Task, timing: Timing) -> Schedule:
    """Lay out the life of ``task`` under ``timing``."""
    factor = _factor(task, timing)
    outcome = effective_outcome(task)
    fails = outcome == "fail_pending"
    phases = timing.phases[:-1] if fails and len(timing.phases) > 1 else timing.phases
    steps = _steps(phases, task.created_at, factor)
    if outcome in ("stuck", "vanish"):
        return _endless(outcome, steps, task, timing)
    ends_at = steps[-1].ends_at
    late_s = timing.late_result_s if outcome == "late_draft" else 0.0
    result_at = None if fails else ends_at + timing.result_after_s + late_s
    return Schedule(
        steps=steps,
        shows_at=task.created_at + timing.hidden_s,
        ends_at=ends_at,
        leaves_at=ends_at + timing.failed_listed_s if fails else ends_at,
        result_at=result_at,
        links_at=_links_at(outcome, result_at, timing),
        final_status="failed" if fails else "succeeded",
    )


def _endless(outcome: Outcome, steps: tuple[Step, ...], task: Task, timing: Timing) -> Schedule:
    """Return the life of a task that never ends well nor badly: stuck at 99 %, or forgotten half way."""
    shows_at, ends_at = task.created_at + timing.hidden_s, steps[-1].ends_at
    if outcome == "vanish":
        vanishes_at = (task.created_at + ends_at) / 2
        return Schedule(
            steps=steps,
            shows_at=shows_at,
            ends_at=vanishes_at,
            leaves_at=vanishes_at,
            result_at=None,
            links_at=None,
            final_status="failed",
            vanishes_at=vanishes_at,
        )
    never = task.created_at + _NEVER_S
    stuck = Step(
        status="running", starts_at=ends_at, ends_at=never, progress_from=_STUCK_AT, progress_to=_STUCK_AT
    )
    return Schedule(
        steps=(*(step for step in steps if step.status != "processing"), stuck),
        shows_at=shows_at,
        ends_at=never,
        leaves_at=never,
        result_at=None,
        links_at=None,
        final_status="failed",
    )


def effective_outcome(task: Task) -> Outcome:
    """Return how the task really ends: images know no drafts, videos know no unsafe counter."""
    if task.kind == "video":
        return "violation" if task.outcome == "unsafe" else task.outcome
    return _OF_IMAGES.get(task.outcome, task.outcome)


def _steps(phases: tuple[Phase, ...], start: float, factor: float) -> tuple[Step, ...]:
    steps = []
    for phase in phases:
        end = start + phase.seconds * factor
        steps.append(
            Step(
                status=phase.status,
                starts_at=start,
                ends_at=end,
                progress_from=phase.progress_from,
                progress_to=phase.progress_to,
            )
        )
        start = end
    return tuple(steps)


def _links_at(outcome: Outcome, result_at: float | None, timing: Timing) -> float | None:
    if result_at is None or outcome not in ("success", "late_url", "late_draft"):
        return None
    return result_at + timing.url_after_s if outcome == "late_url" else result_at


def _factor(task: Task, timing: Timing) -> float:
    spread = (task.seed % 2001 - 1000) / 1000 * timing.jitter
    return timing.factor_by_seconds.get(task.seconds, 1.0) * (1.0 + spread)


def _progress(step: Step, now: float) -> float | None:
    if step.progress_from is None or step.progress_to is None:
        return step.progress_from
    share = (now - step.starts_at) / (step.ends_at - step.starts_at) if step.ends_at > step.starts_at else 1.0
    return round(step.progress_from + (step.progress_to - step.progress_from) * min(max(share, 0.0), 1.0), 2)
