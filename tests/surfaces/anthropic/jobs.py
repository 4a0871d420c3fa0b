"""Jobs for samples: every field fixed."""

from __future__ import annotations

from dataclasses import replace

from sora_gateway.domain.jobs import Job, Phase
from sora_gateway.domain.parameters import resolve

AT = 1_763_812_800.4


def video_job() -> Job:
    """A queued video."""
    request = resolve({"model": "sora_video2", "prompt": "画小猫"}).request
    return Job(id="video_01kanar9g0", owner="o", request=request, signature="s", created_at=AT, updated_at=AT)


def running(job: Job, progress: float) -> Job:
    """The job at work."""
    return replace(job, phase=Phase.RUNNING, progress=progress)


def ended(job: Job, phase: Phase) -> Job:
    """The job in a final phase."""
    return replace(job, phase=phase, completed_at=AT + 9)
