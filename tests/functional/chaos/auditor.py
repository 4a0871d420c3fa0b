"""Compare the ledgers of a run: the callers', the gateway's, the backend's, the accounts'. Pure.

Each check returns what it found against one promise of docs/promises.md. What that leaves out, a store that
lost confirmed writes or a backend that lags, is found as well and carries an excuse: it is counted apart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from tests.functional.chaos.records import END_EVENTS, Cut, Event, Findings, Kept, Made, Told, Violation

FINAL = frozenset({"completed", "failed", "cancelled"})
MOST_UNKNOWN = 0.01
STATUS_OF = {"cancelled": "failed", "running": "in_progress", "collecting": "in_progress"}
_REFUSALS = frozenset({"insufficient_quota"})
_EDGE_S = 1.0
"""Clocks of different processes are read a moment apart from what they tell."""

STORE_LOST = "the store had lost confirmed writes"
LAGS = "the backend showed the task later than is assumed"


def audit(findings: Findings) -> list[Violation]:
    """Return everything that contradicts a promise, excused or not."""
    return [found for check in CHECKS for found in check(findings)]


# --- accepted jobs ------------------------------------------------------------------------------------------


def nothing_is_lost(findings: Findings) -> Iterator[Violation]:
    """Every job that a caller was told of is kept, and has ended."""
    kept = {job.job_id: job for job in findings.kept}
    for told in findings.told:
        for job_id in told.job_ids:
            if job_id not in kept:
                excuse = _cut_at(findings.cuts, told.told_at)
                yield Violation(check="lost", subject=job_id, detail="told, and not kept", excuse=excuse)
        if told.end is None and (told.missed_at is None or told.job_id in kept):
            yield Violation(check="lost", subject=_name(told), detail="its caller never saw an end")
    for job in findings.kept:
        if job.phase not in FINAL:
            yield Violation(check="lost", subject=job.job_id, detail=f"still {job.phase} in the end")


def results_are_there(findings: Findings) -> Iterator[Violation]:
    """Every completed job has its files, as they were written."""
    taken_back = {told.job_id for told in findings.told if told.is_deleted}
    for job in findings.kept:
        if job.phase != "completed" or job.is_deleted or (job.files and not job.bad_files):
            continue
        # The files of a deleted job go at once, and its record comes back with the store.
        excuse = STORE_LOST if findings.cuts and job.job_id in taken_back else None
        detail = f"{job.bad_files} of {job.files} files are damaged or gone"
        yield Violation(check="results", subject=job.job_id, detail=detail, excuse=excuse)


def every_refusal_is_due(findings: Findings) -> Iterator[Violation]:
    """Nobody is refused but whose quota is used up."""
    for told in findings.told:
        if told.end == "refused" and told.code not in _REFUSALS:
            yield Violation(check="refused", subject=_name(told), detail=f"refused with {told.code}")


def one_wish_is_one_job(findings: Findings) -> Iterator[Violation]:
    """However often a caller repeated his request: one job, and none that nobody asked for."""
    told = {job_id: one for one in findings.told for job_id in one.job_ids}
    for one in findings.told:
        if len(set(one.job_ids)) > 1:
            yield Violation(check="doubled", subject=_name(one), detail=f"jobs {sorted(set(one.job_ids))}")
    wishes = Counter((one.licence_id, one.prompt) for one in findings.told if one.end != "refused")
    jobs: dict[tuple[str, str], list[Kept]] = defaultdict(list)
    for job in findings.kept:
        jobs[job.owner, job.prompt].append(job)
    for (owner, prompt), found in jobs.items():
        if len(found) > wishes[owner, prompt]:
            stray = [job for job in found if job.job_id not in told and job.kind == "video"] or found
            excuse = next((why for job in found if (why := _cut_during(findings.cuts, job))), None)
            detail = f"{len(found)} jobs for {wishes[owner, prompt]} wishes"
            yield Violation(check="doubled", subject=stray[0].job_id, detail=detail, excuse=excuse)


def ends_once(findings: Findings) -> Iterator[Violation]:
    """What a caller was told as the end is what is kept, and what the API says."""
    kept = {job.job_id: job for job in findings.kept}
    for told in findings.told:
        job = kept.get(told.job_id or "")
        if job is None or told.end not in ("completed", "failed"):
            continue
        if _public(job.phase) != told.end:
            excuse = _cut_at(findings.cuts, told.ended_at)
            detail = f"told {told.end}, kept {job.phase}"
            yield Violation(check="ended twice", subject=job.job_id, detail=detail, excuse=excuse)
    for job in findings.kept:
        if job.shown is not None and job.shown != _public(job.phase):
            detail = f"shown {job.shown}, kept {job.phase}"
            yield Violation(check="ended twice", subject=job.job_id, detail=detail)


# --- tasks of the backend -----------------------------------------------------------------------------------


def nothing_is_submitted_twice(findings: Findings) -> Iterator[Violation]:
    """The backend's ledger has at most one task for each job."""
    by_job: dict[str, list[Made]] = defaultdict(list)
    for made in findings.made:
        if made.marked is not None:
            by_job[made.marked].append(made)
    for job_id, tasks in by_job.items():
        if len(tasks) > 1:
            detail = f"tasks {[made.task_id for made in tasks]}"
            excuse = _excuse_of_twice(findings, tasks)
            yield Violation(check="submitted twice", subject=job_id, detail=detail, excuse=excuse)
    yield from _unmarked_twice(findings)


def _unmarked_twice(findings: Findings) -> Iterator[Violation]:
    jobs = Counter(job.prompt for job in findings.kept)
    by_prompt: dict[str, list[Made]] = defaultdict(list)
    for made in findings.made:
        if made.marked is None and not made.is_foreign:
            by_prompt[made.prompt].append(made)
    for prompt, tasks in by_prompt.items():
        if len(tasks) > jobs[prompt]:
            excuse = _excuse_of_twice(findings, tasks)
            detail = f"{len(tasks)} tasks for {jobs[prompt]} jobs"
            yield Violation(check="submitted twice", subject=prompt, detail=detail, excuse=excuse)


def _excuse_of_twice(findings: Findings, tasks: Sequence[Made]) -> str | None:
    """A task whose record the store lost is met again only if it is marked and was still in a list."""
    first = min(tasks, key=lambda made: made.created_at)
    for cut in findings.cuts:
        is_lost = cut.lost_from - _EDGE_S <= first.created_at <= cut.lost_until + _EDGE_S
        if is_lost and (first.marked is None or first.ends_at <= cut.over_at):
            return STORE_LOST
    return LAGS if findings.is_lagging else None


def nothing_is_bound_to_a_stranger(findings: Findings) -> Iterator[Violation]:
    """A job is bound to the task that was made for it, which exists, and to which no other is bound."""
    made = {one.task_id: one for one in findings.made}
    holders = Counter(job.bound_id for job in findings.kept if job.bound_id is not None)
    for job in findings.kept:
        if job.bound_id is None:
            if job.phase == "completed":
                yield Violation(check="foreign", subject=job.job_id, detail="completed without a task")
            continue
        problem = _strangeness(job, made.get(job.bound_id))
        if problem is None and holders[job.bound_id] > 1:
            problem = f"{holders[job.bound_id]} jobs are bound to {job.bound_id}"
        if problem is not None:
            yield Violation(check="foreign", subject=job.job_id, detail=problem)


def _strangeness(job: Kept, task: Made | None) -> str | None:
    if task is None:
        return f"bound to {job.bound_id}, which was never made"
    if task.is_foreign:
        return f"bound to {task.task_id} of another client"
    if task.marked is not None and task.marked != job.job_id:
        return f"bound to {task.task_id}, which was made for {task.marked}"
    if task.prompt != job.prompt:
        return f"bound to {task.task_id} of another prompt"
    return None


def few_are_unknown(findings: Findings) -> Iterator[Violation]:
    """Fewer than one job in a hundred fails because nobody knows whether it was taken."""
    unknown = [job for job in findings.kept if job.code == "submission_unknown"]
    if len(unknown) >= max(1, MOST_UNKNOWN * len(findings.kept)):
        detail = f"{len(unknown)} of {len(findings.kept)} failed as submission_unknown"
        excuse = LAGS if findings.is_lagging else None
        yield Violation(check="unknown", subject=unknown[0].job_id, detail=detail, excuse=excuse)


# --- quota --------------------------------------------------------------------------------------------------


def units_are_what_the_jobs_say(findings: Findings) -> Iterator[Violation]:
    """The accounts hold the units of the jobs as they ended, and nothing is left in any counter."""
    owned: dict[str, list[Kept]] = defaultdict(list)
    for job in findings.kept:
        owned[job.owner].append(job)
        if job.charged not in _due(job):
            detail = f"{job.phase}, charged {job.charged} of {job.units}"
            yield Violation(check="units", subject=job.job_id, detail=detail)
    for account in findings.accounts:
        jobs = owned[account.licence_id]
        ends = Counter(job.phase for job in jobs)
        expected = {
            "jobs": len(jobs),
            "completed": ends["completed"],
            "failed": ends["failed"],
            "cancelled": ends["cancelled"],
            "units": sum(job.charged for job in jobs),
        }
        for name, number in expected.items():
            if getattr(account, name) != number:
                detail = f"{name}: {getattr(account, name)} in the account, {number} by the jobs"
                yield Violation(check="units", subject=account.licence_id, detail=detail)
        if account.quota is not None and account.units > account.quota:
            detail = f"{account.units} units charged of a quota of {account.quota}"
            yield Violation(check="units", subject=account.licence_id, detail=detail)
        if account.quota is not None and account.remaining != account.quota - account.units:
            detail = f"{account.remaining} left of {account.quota} after {account.units}"
            yield Violation(check="units", subject=account.licence_id, detail=detail)
    for name, number in findings.leftovers.items():
        if number:
            yield Violation(check="units", subject=name, detail=f"{number} left over")


def _due(job: Kept) -> tuple[int, ...]:
    if job.phase == "completed":
        return (job.units,)
    if job.phase == "failed" or (job.phase == "cancelled" and job.bound_id is None):
        return (0,)
    return (0, job.units)  # cancelled: it depends on whether the backend had answered by then; or not final


# --- events -------------------------------------------------------------------------------------------------


def events_are_whole(findings: Findings) -> Iterator[Violation]:
    """Each watcher got every event once, in order, over any number of breaks; the last is the end."""
    kept = {job.job_id: job for job in findings.kept}
    for told in findings.told:
        job = kept.get(told.job_id or "")
        if job is None or not told.events:
            continue
        for problem in _gaps(told.events):
            excuse = _cut_between(findings.cuts, told.events[0].at, told.events[-1].at)
            yield Violation(check="events", subject=job.job_id, detail=problem, excuse=excuse)
        last = told.events[-1]
        if job.phase in FINAL and not job.is_deleted and last.seq != job.seq:
            excuse = _cut_between(findings.cuts, told.events[0].at, last.at)
            detail = f"the last event was {last.seq}, the job is at {job.seq}"
            yield Violation(check="events", subject=job.job_id, detail=detail, excuse=excuse)


def _gaps(events: Sequence[Event]) -> Iterator[str]:
    for before, after in pairwise(events):
        if after.seq != before.seq + 1:
            yield f"{after.seq} came after {before.seq}"
        if before.name in END_EVENTS:
            yield f"{after.name} came after {before.name}"
        if after.percent < before.percent and after.status == before.status:
            yield f"progress fell from {before.percent} to {after.percent}"
    for event in events:
        if event.name == "snapshot":
            yield f"a snapshot at {event.seq}: what came before was not known"


# --- what the promises leave out ----------------------------------------------------------------------------


def _cut_at(cuts: Iterable[Cut], at: float | None) -> str | None:
    if at is None:
        return None
    is_within = any(cut.lost_from - _EDGE_S <= at <= cut.lost_until + _EDGE_S for cut in cuts)
    return STORE_LOST if is_within else None


def _cut_between(cuts: Iterable[Cut], first: float, last: float) -> str | None:
    is_within = any(cut.lost_from - _EDGE_S <= last and first <= cut.over_at for cut in cuts)
    return STORE_LOST if is_within else None


def _cut_during(cuts: Iterable[Cut], job: Kept) -> str | None:
    return _cut_between(cuts, job.created_at - 60.0, job.created_at)


def _public(phase: str) -> str:
    return phase if phase in ("completed", "failed") else STATUS_OF.get(phase, "queued")


def _name(told: Told) -> str:
    return told.job_id or f"wish {told.number}"


CHECKS: Sequence[Callable[[Findings], Iterator[Violation]]] = (
    nothing_is_lost,
    results_are_there,
    every_refusal_is_due,
    one_wish_is_one_job,
    ends_once,
    nothing_is_submitted_twice,
    nothing_is_bound_to_a_stranger,
    few_are_unknown,
    units_are_what_the_jobs_say,
    events_are_whole,
)


def counted(violations: Iterable[Violation]) -> Mapping[str, int]:
    """Return how many there are of each check."""
    return dict(sorted(Counter(violation.check for violation in violations).items()))
