"""Each check of the auditor can fail: a world in order has no violations, and one change gives one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.functional.chaos.auditor import LAGS, STORE_LOST, audit, counted
from tests.functional.chaos.records import Account, Cut, Event, Findings, Kept, Made, Told

CUT = Cut(lost_from=1000.0, lost_until=1002.0, over_at=1008.0)


def event(seq: int, name: str, status: str, percent: int = 0, at: float = 500.0) -> Event:
    """Return what a watcher received."""
    return Event(seq=seq, name=name, status=status, percent=percent, at=at)


def told(number: int, **changes: Any) -> Told:
    """Return a caller whose video was completed."""
    events = [
        event(1, "video.queued", "queued"),
        event(2, "video.in_progress", "in_progress", 10),
        event(3, "video.completed", "completed", 100),
    ]
    fields: dict[str, Any] = {
        "number": number,
        "kind": "video",
        "prompt": f"prompt {number}",
        "licence_id": "lic",
        "units": 1,
        "asked_at": 490.0,
        "job_ids": [f"job_{number}"],
        "told_at": 491.0,
        "end": "completed",
        "ended_at": 500.0,
        "events": events,
    }
    return Told(**fields | changes)


def kept(number: int, **changes: Any) -> Kept:
    """Return a job that was completed."""
    fields: dict[str, Any] = {
        "job_id": f"job_{number}",
        "owner": "lic",
        "kind": "video",
        "prompt": f"prompt {number}",
        "phase": "completed",
        "seq": 3,
        "bound_id": f"task_{number}",
        "units": 1,
        "charged": 1,
        "created_at": 491.0,
        "completed_at": 500.0,
        "shown": "completed",
    }
    return Kept(**fields | changes)


def made(number: int, **changes: Any) -> Made:
    """Return the task of a job."""
    fields: dict[str, Any] = {
        "task_id": f"task_{number}",
        "account": "night",
        "kind": "video",
        "prompt": f"prompt {number}",
        "marked": f"job_{number}",
        "is_foreign": False,
        "created_at": 492.0,
        "ends_at": 495.0,
    }
    return Made(**fields | changes)


PICTURE = "a picture"
FAILED: dict[str, Any] = {"phase": "failed", "charged": 0, "bound_id": None, "shown": "failed"}
ORDER = Findings(
    told=(
        told(0),
        told(1),
        told(2, kind="image", prompt=PICTURE, job_ids=[], events=[]),
        told(3, end="refused", code="insufficient_quota", job_ids=[], events=[]),
    ),
    kept=(kept(0), kept(1), kept(2, kind="image", prompt=PICTURE, job_id="image_2", shown=None)),
    made=(
        made(0),
        made(1),
        made(2, marked=None, kind="image", prompt=PICTURE),
        made(9, marked=None, is_foreign=True, prompt="prompt 0"),
    ),
    accounts=(
        Account(licence_id="lic", jobs=3, completed=3, failed=0, cancelled=0, units=3, quota=10, remaining=7),
    ),
    leftovers={"work of lanes": 0},
)

Change = Callable[[Findings], Findings]


def with_told(number: int, **changes: Any) -> Change:
    """Return a change of one caller's notes."""
    return lambda f: replace(f, told=_changed(f.told, number, changes))


def with_kept(number: int, **changes: Any) -> Change:
    """Return a change of one job."""
    return lambda f: replace(f, kept=_changed(f.kept, number, changes))


def with_account(**changes: Any) -> Change:
    """Return a change of the licence's account."""
    return lambda f: replace(f, accounts=_changed(f.accounts, 0, changes))


def with_made(*more: Made) -> Change:
    """Return a change of the backend's ledger."""
    return lambda f: replace(f, made=(*f.made, *more))


def without_kept(number: int) -> Change:
    """Return a change: one job is gone, and the account knows nothing of it either."""

    def change(findings: Findings) -> Findings:
        rest = tuple(job for position, job in enumerate(findings.kept) if position != number)
        account = replace(findings.accounts[0], jobs=2, completed=2, units=2, remaining=8)
        return replace(findings, kept=rest, accounts=(account,))

    return change


def _changed(rows: tuple[Any, ...], number: int, changes: dict[str, Any]) -> tuple[Any, ...]:
    return (*rows[:number], replace(rows[number], **changes), *rows[number + 1 :])


def test_a_world_in_order() -> None:
    """Nothing is found where everything is as it should be."""
    assert audit(ORDER) == []


CASES: dict[str, tuple[str, Change]] = {
    "a job is gone": ("lost", without_kept(0)),
    "a job never ends": (
        "lost",
        lambda f: with_account(completed=2)(with_kept(2, phase="queued", bound_id=None)(f)),
    ),
    "a caller never sees an end": ("lost", with_told(0, end=None, events=[])),
    "a job that exists is denied": ("lost", with_told(0, end=None, missed_at=499.0, events=[])),
    "a result is gone": ("results", with_kept(0, bad_files=1)),
    "a result was never there": ("results", with_kept(0, files=0)),
    "a refusal without reason": ("refused", with_told(3, code="permission_denied")),
    "a key makes two jobs": ("doubled", with_told(0, job_ids=["job_1", "job_0"])),
    "a job that nobody asked for": (
        "doubled",
        lambda f: with_account(jobs=4, completed=4, units=4, remaining=6)(
            with_made(made(7, prompt="prompt 0"))(
                replace(f, kept=(*f.kept, kept(7, prompt="prompt 0", shown=None)))
            )
        ),
    ),
    "told one end, kept another": ("ended twice", with_told(0, end="failed", code="lost")),
    "shown one end, kept another": ("ended twice", with_kept(0, shown="failed")),
    "a task twice": ("submitted twice", with_made(made(8, marked="job_0", prompt="prompt 0"))),
    "a picture twice": ("submitted twice", with_made(made(8, marked=None, kind="image", prompt=PICTURE))),
    "bound to another client's task": ("foreign", with_kept(0, bound_id="task_9")),
    "bound to a task of another job": (
        "foreign",
        lambda f: with_kept(0, bound_id="task_8")(with_made(made(8, marked="job_8", prompt="prompt 0"))(f)),
    ),
    "bound to a task of another prompt": (
        "foreign",
        lambda f: with_kept(2, bound_id="task_8")(with_made(made(8, marked="job_8"))(f)),
    ),
    "bound to a task that never was": ("foreign", with_kept(0, bound_id="task_77")),
    "completed without a task": ("foreign", with_kept(0, bound_id=None)),
    "too many unknown ends": (
        "unknown",
        lambda f: with_account(completed=2, failed=1, units=2, remaining=8)(
            with_kept(2, code="submission_unknown", **FAILED | {"shown": None})(f)
        ),
    ),
    "a failed job is charged": (
        "units",
        lambda f: with_account(completed=2, failed=1)(with_kept(2, phase="failed")(f)),
    ),
    "a unit too many in the account": ("units", with_account(units=4, remaining=6)),
    "an end too few in the account": ("units", with_account(completed=2)),
    "more used than the quota": ("units", with_account(quota=2, remaining=-1)),
    "the rest of a quota is wrong": ("units", with_account(remaining=6)),
    "a slot is never given back": ("units", lambda f: replace(f, leftovers={"work of lanes": 1})),
    "an event is missing": (
        "events",
        with_told(
            0, events=[event(1, "video.queued", "queued"), event(3, "video.completed", "completed", 100)]
        ),
    ),
    "an event comes twice": (
        "events",
        with_told(
            0,
            events=[
                event(2, "video.in_progress", "in_progress"),
                event(2, "video.in_progress", "in_progress"),
                event(3, "video.completed", "completed", 100),
            ],
        ),
    ),
    "progress falls": (
        "events",
        with_told(
            0,
            events=[
                event(1, "video.in_progress", "in_progress", 50),
                event(2, "video.progress", "in_progress", 40),
                event(3, "video.completed", "completed", 100),
            ],
        ),
    ),
    "the past is unknown": (
        "events",
        with_told(0, events=[event(3, "snapshot", "completed", 100)]),
    ),
    "the end is not the job's": ("events", with_kept(0, seq=4)),
}


@pytest.mark.parametrize(("check", "change"), CASES.values(), ids=CASES.keys())
def test_what_is_broken_is_found(check: str, change: Change) -> None:
    """One broken promise is found as that and as nothing else."""
    found = audit(change(ORDER))
    assert counted(found) == {check: 1}, found
    assert found[0].excuse is None


EXCUSED: dict[str, tuple[str, str, Change]] = {
    "accepted within the cut": (
        "lost",
        STORE_LOST,
        lambda f: with_told(0, told_at=1001.0, end=None, missed_at=1003.0, events=[])(without_kept(0)(f)),
    ),
    "sent within the cut, over before it was looked for": (
        "submitted twice",
        STORE_LOST,
        with_made(
            made(8, marked="job_5", created_at=1001.0, ends_at=1003.0),
            made(7, marked="job_5", created_at=1005.0),
        ),
    ),
    "deleted within the cut": (
        "results",
        STORE_LOST,
        lambda f: with_told(0, is_deleted=True)(with_kept(0, bad_files=1)(f)),
    ),
    "watched through the cut": (
        "events",
        STORE_LOST,
        with_told(
            0,
            events=[
                event(1, "video.queued", "queued", at=999.0),
                event(3, "snapshot", "completed", 100, at=1009.0),
            ],
        ),
    ),
}


@pytest.mark.parametrize(("check", "excuse", "change"), EXCUSED.values(), ids=EXCUSED.keys())
def test_what_a_cut_store_excuses(check: str, excuse: str, change: Change) -> None:
    """What the promises leave out is found all the same, and counted apart."""
    found = audit(change(replace(ORDER, cuts=(CUT,))))
    assert {violation.check for violation in found} == {check}, found
    assert {violation.excuse for violation in found} <= {excuse, None}
    assert any(violation.excuse == excuse for violation in found)


def test_what_a_cut_does_not_excuse() -> None:
    """A marked task that was still in the lists when the store came back must be met again."""
    first = made(8, marked="job_0", prompt="prompt 0", created_at=1001.0, ends_at=1500.0)
    again = made(7, marked="job_0", prompt="prompt 0", created_at=1010.0, ends_at=1500.0)
    ledger = (first, again, *ORDER.made[1:])
    (found,) = audit(replace(with_kept(0, bound_id="task_7")(ORDER), made=ledger, cuts=(CUT,)))
    assert (found.check, found.excuse) == ("submitted twice", None)


def test_what_lag_excuses() -> None:
    """Beyond the time in which a task is looked for, a second one is counted apart."""
    (found,) = audit(replace(with_made(made(8, marked="job_0", prompt="prompt 0"))(ORDER), is_lagging=True))
    assert (found.check, found.excuse) == ("submitted twice", LAGS)
