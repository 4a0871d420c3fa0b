"""Tell a job's story: what happened to it, why it failed, what it waits for. Pure, and only for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sora_gateway.accounts.choice import allowed
from sora_gateway.accounts.standing import IDLE, Obstacle, obstacle
from sora_gateway.domain.accounts import Account
from sora_gateway.domain.jobs import Job, Phase, Step
from sora_gateway.kit.redact import presentable
from sora_gateway.ports.stores import Load

_HIDDEN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One entry of the history that is shown: nothing secret, no address, no e-mail.

    ``account`` is its name, or the end of its id.
    """

    at: float
    event: str
    account: str | None = None
    detail: str | None = None
    next_try_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """``headline`` says where the job is or how it ended, ``waits_for`` what keeps it there, as sentences."""

    headline: str
    waits_for: tuple[Obstacle, ...] = ()
    history: tuple[Happening, ...] = ()


def known_as(account_id: str, accounts: Mapping[str, Account]) -> str:
    """Return what an account is called before callers: its name, or the last letters of its id."""
    account = accounts.get(account_id)
    if account is not None and account.name:
        return presentable(account.name)
    upstream, _, name = account_id.partition(":")
    return f"{upstream}:…{name[-_HIDDEN:]}" if len(name) > 2 * _HIDDEN else f"{upstream}:…"


def history(job: Job, accounts: Iterable[Account]) -> tuple[Happening, ...]:
    """Return what happened to the job, oldest first. Of very many steps the middle is left out."""
    by_id = {account.id: account for account in accounts}
    accepted = Happening(at=job.created_at, event="accepted")
    return (accepted, *(_happening(step, by_id) for step in job.steps))


def _happening(step: Step, accounts: Mapping[str, Account]) -> Happening:
    return Happening(
        at=step.at,
        event=step.name,
        account=None if step.account_id is None else known_as(step.account_id, accounts),
        detail=None if step.detail is None else presentable(step.detail),
        next_try_at=step.next_try_at,
    )


def story(
    job: Job,
    accounts: Sequence[Account],
    loads: Mapping[str, Load],
    position: int | None,
    now_s: float,
) -> Story:
    """Return the job's story at ``now_s``; ``position`` is its place in the queue."""
    by_id = {account.id: account for account in accounts}
    where = None if job.account_id is None else known_as(job.account_id, by_id)
    waits: tuple[Obstacle, ...] = ()
    if job.phase is Phase.QUEUED:
        waits = _queue(job, accounts, loads, position, now_s)
    elif job.phase is Phase.AMBIGUOUS:
        waits = _search(job, now_s)
    elif job.phase is Phase.COLLECTING:
        waits = _last_trouble(job, "put off", now_s)
    elif job.phase is Phase.RUNNING and job.unknown_reads:
        waits = (Obstacle(text=f"{job.unknown_reads} reads of the backend's lists did not show its task"),)
    if job.account_id is not None and not job.is_final and job.account_id not in by_id:
        waits = (*waits, Obstacle(text="its account was removed: it ends at its deadline"))
    return Story(headline=_headline(job, where), waits_for=waits, history=history(job, accounts))


def _headline(job: Job, where: str | None) -> str:
    at = f" on {where}" if where is not None else ""
    match job.phase:
        case Phase.QUEUED:
            return "It waits for an account."
        case Phase.BOUND:
            return f"It has a slot{at}; what it needs is prepared, then it is sent."
        case Phase.SUBMITTING:
            return f"It is being sent{at}."
        case Phase.AMBIGUOUS:
            return f"It was sent{at} and no answer came; it is looked for in the backend's lists."
        case Phase.RUNNING:
            return f"The backend works on it{at}: {job.percent} %."
        case Phase.COLLECTING:
            return f"The backend has finished it{at}; the result is being copied."
        case Phase.COMPLETED:
            return "It is completed."
        case Phase.CANCELLED:
            return "It was cancelled."
        case Phase.FAILED:
            return "It failed." if job.error is None else f"It failed: {presentable(job.error.message)}"


def _queue(
    job: Job, accounts: Sequence[Account], loads: Mapping[str, Load], position: int | None, now_s: float
) -> tuple[Obstacle, ...]:
    waits = list(_last_trouble(job, "returned", now_s))
    if position is not None and position > 1:
        waits.append(Obstacle(text=f"{position - 1} jobs are before it in its queue"))
    by_id = {account.id: account for account in accounts}
    candidates = allowed(job.request, accounts)
    if not candidates:
        waits.append(Obstacle(text="there is no account that it may use"))
    for account in candidates:
        why = obstacle(job.request, account, loads.get(account.id, IDLE), now_s, job.avoid)
        if why is not None:
            name = known_as(account.id, by_id)
            waits.append(Obstacle(text=f"account {name}: {presentable(why.text)}", until=why.until))
    return tuple(waits)


def _last_trouble(job: Job, name: str, now_s: float) -> tuple[Obstacle, ...]:
    """Return why the last try failed, while the next one is still to come."""
    last = job.steps[-1] if job.steps else None
    if last is None or last.name != name or last.next_try_at is None or last.next_try_at <= now_s:
        return ()
    return (
        Obstacle(
            text=f"the next try; the last one: {presentable(last.detail or '')}", until=last.next_try_at
        ),
    )


def _search(job: Job, now_s: float) -> tuple[Obstacle, ...]:
    attempt = job.attempt
    if attempt is None:
        return ()
    if attempt.counts_from is not None and attempt.counts_from > now_s:
        return (Obstacle(text="the last moment at which an answer could come", until=attempt.counts_from),)
    return (Obstacle(text=f"evidence; {attempt.absent_reads} complete reads have not shown it so far"),)
