"""Say where a task stands at a moment: a pure function of the task, the scenario's timing and the time.

Sora web protocol, sections 7.1 and 12; nothing is stored, so a restarted simulator carries on.
"""

from __future__ import annotations

from dataclasses import dataclass

from sora_gateway.simulator.records import Task
from sora_gateway.simulator.scenario import Outcome, Phase, Timing


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
    ends_at = steps[-1].ends_at
    result_at = None if fails else ends_at + timing.result_after_s
    return Schedule(
        steps=steps,
        shows_at=task.created_at + timing.hidden_s,
        ends_at=ends_at,
        leaves_at=ends_at + timing.failed_listed_s if fails else ends_at,
        result_at=result_at,
        links_at=_links_at(outcome, result_at, timing),
        final_status="failed" if fails else "succeeded",
    )


def effective_outcome(task: Task) -> Outcome:
    """Return how the task really ends: images know no drafts, videos know no unsafe counter."""
    if task.kind == "video":
        return "violation" if task.outcome == "unsafe" else task.outcome
    if task.outcome == "violation":
        return "unsafe"
    return "fail_pending" if task.outcome == "error" else task.outcome


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
    if result_at is None or outcome not in ("success", "late_url"):
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
