"""Tell people how a job or an account stands: lines of text, and the same as documents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sora_gateway.accounts.standing import Obstacle, Slots, Standing
from sora_gateway.cli.output import ago, moment, plural
from sora_gateway.domain.accounts import Account
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.media import MediaKind
from sora_gateway.engine.explaining import Happening, Story
from sora_gateway.kit.redact import presentable


def ahead(at_s: float | None, now_s: float) -> str:
    """Return how far off a time is, roughly; one that has passed is ``now``."""
    if at_s is None:
        return "-"
    left_s = at_s - now_s
    for unit, length_s in (("d", 86_400), ("h", 3600), ("min", 60)):
        if left_s >= 2 * length_s:
            return f"in {left_s / length_s:.0f} {unit}"
    return f"in {left_s:.0f} s" if left_s >= 0.5 else "now"


def since(at_s: float, now_s: float) -> str:
    """Return how long ago a step was, to the second while that matters."""
    past_s = max(0.0, now_s - at_s)
    return f"{past_s:.0f} s ago" if past_s < 120 else ago(at_s, now_s)


def sentence(obstacle: Obstacle, now_s: float) -> str:
    """Return an obstacle as a line: what it is, and until when."""
    if obstacle.until is None:
        return obstacle.text
    return f"{obstacle.text}; until {moment(obstacle.until)} ({ahead(obstacle.until, now_s)})"


def free_slots(standing: Standing) -> str:
    """Return the free slots of each kind: ``2/3 video, 1/1 image``."""
    rows = [(kind, standing.slots[kind]) for kind in MediaKind if standing.slots[kind].most > 0]
    return ", ".join(f"{slots.free}/{slots.most} {kind.value}" for kind, slots in rows)


# --- a job ------------------------------------------------------------------------------------------------


def job_lines(job: Job, story: Story, position: int | None, now_s: float) -> Iterable[str]:
    """Yield what is to be known about a job."""
    yield f"{job.id}: {job.kind.value}, {job.request.model}, {job.status.value} ({job.phase.value})"
    yield f"  {story.headline}"
    if story.waits_for:
        yield "  What keeps it there:"
        yield from (f"    - {sentence(one, now_s)}" for one in story.waits_for)
    yield f"  key       {job.owner}"
    yield f"  account   {job.account_id or '-'}"
    yield f"  accepted  {moment(job.created_at)} ({since(job.created_at, now_s)})"
    yield f"  attempts  {job.tries}"
    if position is not None:
        yield f"  position  {position} in the queue {job.signature}, {job.priority.value} priority"
    if not job.is_final and job.deadline_at:
        yield f"  deadline  {moment(job.deadline_at)} ({ahead(job.deadline_at, now_s)}); then it fails"
    if job.bound_id is not None:
        yield f"  task      {job.bound_id}"
    if job.error is not None:
        yield f"  error     {job.error.code} ({job.error.kind.value})"
    if job.obligation is not None:
        what = job.obligation.remote_id or "a submission without an answer"
        yield f"  owed      {what} is watched until it has left the backend's list"
    yield "  history"
    yield from (f"    {_step(one, now_s)}" for one in story.history)


def _step(one: Happening, now_s: float) -> str:
    parts = [f"{since(one.at, now_s):>12}  {one.event}"]
    if one.account is not None:
        parts.append(f"on {one.account}")
    if one.detail is not None:
        parts.append(f"- {one.detail}")
    if one.next_try_at is not None:
        parts.append(f"(again {one.next_try_at - one.at:.0f} s later)")
    return " ".join(parts)


def job_document(job: Job, story: Story, position: int | None) -> dict[str, Any]:
    """Return a job with its story as ``--json`` shows it."""
    return job_row(job) | {
        "headline": story.headline,
        "waits_for": [{"text": one.text, "until": one.until} for one in story.waits_for],
        "queue": job.signature,
        "queue_position": position,
        "priority": job.priority.value,
        "deadline_at": job.deadline_at or None,
        "remote_id": job.bound_id,
        "is_owed": job.obligation is not None,
        "history": [
            {
                "at": one.at,
                "event": one.event,
                "account": one.account,
                "detail": one.detail,
                "next_try_at": one.next_try_at,
            }
            for one in story.history
        ],
    }


def job_row(job: Job) -> dict[str, Any]:
    """Return what a list of jobs says of one."""
    error = job.error
    return {
        "id": job.id,
        "kind": job.kind.value,
        "model": job.request.model,
        "status": job.status.value,
        "phase": job.phase.value,
        "progress": job.percent,
        "owner": job.owner,
        "account_id": job.account_id,
        "attempts": job.tries,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
        "error": None if error is None else {"code": error.code, "message": presentable(error.message)},
    }


# --- an account -------------------------------------------------------------------------------------------


def account_lines(
    account: Account, standing: Standing, observed_at: float | None, now_s: float
) -> Iterable[str]:
    """Yield how an account stands and why it gets no work."""
    yield f"{account.id}{f' ({account.name})' if account.name else ''}: {standing.state}"
    if standing.why:
        yield "  What is against new work:"
        yield from (f"    - {sentence(one, now_s)}" for one in standing.why)
    else:
        yield "  Nothing is against new work."
    for kind in MediaKind:
        yield f"  {kind.value:<11}{_slots(standing.slots[kind])}"
    yield f"  quota      {quota(account, now_s)}"
    yield f"  plan       {account.plan.value}; groups: {', '.join((account.plan.value, *account.groups))}"
    yield f"  works for  {'everybody' if account.owner is None else 'its owner alone'}"
    yield f"  last use   {ago(account.last_used_at, now_s)}; looked at {_looked(observed_at, now_s)}"
    yield f"  credential {_credential(account, now_s)}"


def _slots(slots: Slots) -> str:
    if slots.most == 0:
        return "none"
    return f"{slots.free} of {slots.most} free; {slots.ours} ours, {slots.foreign} of other clients"


def _looked(observed_at: float | None, now_s: float) -> str:
    return "never" if observed_at is None else since(observed_at, now_s)


def quota(account: Account, now_s: float) -> str:
    """Return what is left of the rolling quota of videos, and when more comes back."""
    if account.videos_remaining is None:
        return "unknown"
    left = plural(account.videos_remaining, "video")
    resets_at = account.quota_resets_at
    if resets_at is None:
        return f"{left} left"
    if resets_at <= now_s:
        return f"{left} left or more: some came back {since(resets_at, now_s)}"
    return f"{left} left; more at {moment(resets_at)} ({ahead(resets_at, now_s)})"


def _credential(account: Account, now_s: float) -> str:
    credential = account.credential
    expires = "no expiry is known"
    if credential.expires_at is not None:
        is_over = credential.expires_at <= now_s
        when = since(credential.expires_at, now_s) if is_over else ahead(credential.expires_at, now_s)
        verb = "expired" if is_over else "expires"
        expires = f"{verb} {moment(credential.expires_at)} ({when})"
    renewal = "is renewed by itself" if credential.is_renewable else "cannot be renewed"
    trouble = f"; the last renewal failed: {presentable(credential.trouble)}" if credential.trouble else ""
    return f"{credential.form.value}, {expires}, {renewal}{trouble}"


def account_document(account: Account, standing: Standing, observed_at: float | None) -> dict[str, Any]:
    """Return what ``--json`` adds to an account."""
    return {
        "standing": standing.state,
        "obstacles": [{"text": one.text, "until": one.until} for one in standing.why],
        "load": {
            kind.value: {
                "slots": slots.most,
                "ours": slots.ours,
                "foreign": slots.foreign,
                "free": slots.free,
            }
            for kind, slots in standing.slots.items()
        },
        "last_observed_at": observed_at,
    }
