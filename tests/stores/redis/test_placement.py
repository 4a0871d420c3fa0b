"""Prove where jobs stand, without a server."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sora_gateway.domain.jobs import Attempt, Job, Obligation, Phase, Reservation
from sora_gateway.domain.licences import NO_BOUNDS, Bounds
from sora_gateway.domain.requests import Callback
from sora_gateway.ports.stores import Lease
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.codec import to_json
from sora_gateway.stores.redis.placement import (
    NOWHERE,
    KeyRing,
    Placement,
    bound_checks,
    moves,
    place,
    plan,
    public_events,
)
from tests.conftest_store import new_job, new_output

JOB = replace(new_job("job_x"), deadline_at=50.0)
ATTEMPT = Attempt(ticket="t", fingerprint="f", marker="m", written_at=1.0, send_by=2.0)
AT = replace(JOB, account_id="a", attempt=ATTEMPT)
OWED = Obligation(account_id="a", since=1.0, ticket="t")


@pytest.mark.parametrize(
    ("job", "placement"),
    [
        (JOB, Placement(queue=0.0, deadline_at=50.0, is_live=True)),
        (replace(JOB, not_before=9.0), Placement(queue=9.0, deadline_at=50.0, is_live=True)),
        (replace(AT, phase=Phase.BOUND, attempt=None), Placement(lane="a", deadline_at=50.0, is_live=True)),
        (
            replace(AT, phase=Phase.SUBMITTING),
            Placement(lane="a", unsettled="f", deadline_at=50.0, is_live=True),
        ),
        (
            replace(AT, phase=Phase.AMBIGUOUS),
            Placement(lane="a", unsettled="f", deadline_at=50.0, is_live=True),
        ),
        (
            replace(AT, phase=Phase.RUNNING, bound_id="r"),
            Placement(lane="a", bound="r", deadline_at=50.0, is_live=True),
        ),
        (
            replace(AT, phase=Phase.COLLECTING, bound_id="r"),
            Placement(bound="r", is_collecting=True, deadline_at=50.0, is_live=True),
        ),
        (replace(AT, phase=Phase.FAILED), Placement(is_over=True, is_to_archive=True)),
        (
            replace(AT, phase=Phase.CANCELLED, obligation=OWED),
            Placement(lane="a", unsettled="f", is_over=True),
        ),
        (
            replace(AT, phase=Phase.CANCELLED, bound_id="r", obligation=replace(OWED, remote_id="r")),
            Placement(lane="a", bound="r", is_over=True),
        ),
        (
            replace(AT, phase=Phase.COMPLETED, outputs=(new_output(),), expires_at=70.0),
            Placement(is_over=True, is_to_archive=True, retention_at=70.0),
        ),
        (
            replace(AT, phase=Phase.COMPLETED, outputs=(new_output(),), expires_at=70.0, deleted_at=60.0),
            Placement(is_over=True, is_to_archive=True, retention_at=60.0),
        ),
        (
            replace(AT, phase=Phase.COMPLETED, expires_at=70.0, deleted_at=60.0),
            Placement(is_over=True, is_to_archive=True),
        ),
    ],
)
def test_a_job_stands_where_its_state_says(job: Job, placement: Placement) -> None:
    """One row per state."""
    assert place(job) == placement


TAKEN = Reservation(units=3, day="2026-11-22", month="2026-11")


@pytest.mark.parametrize(
    ("job", "units", "end"),
    [
        (replace(JOB, reservation=TAKEN), 3, None),
        (replace(AT, reservation=TAKEN, phase=Phase.RUNNING, bound_id="r"), 3, None),
        (replace(AT, reservation=replace(TAKEN, is_settled=True), phase=Phase.FAILED), 0, "failed"),
        (replace(AT, reservation=replace(TAKEN, is_settled=True), phase=Phase.CANCELLED), 0, "cancelled"),
        (
            replace(AT, reservation=replace(TAKEN, is_settled=True, is_kept=True), phase=Phase.COMPLETED),
            3,
            "completed",
        ),
    ],
)
def test_a_job_adds_to_its_owners_usage(job: Job, units: int, end: str | None) -> None:
    """Itself, its end once it has one, its units while they are charged; without a reservation nothing."""
    day, month, model = TAKEN.day, TAKEN.month, job.request.family.value
    expected = [(day, "jobs", 1)]
    expected += [(day, end, 1)] if end is not None else []
    if units:
        expected += [(day, "units", units), (day, f"units {model}", units), (month, "units", units)]
    assert list(place(job).tally) == expected
    assert place(replace(job, reservation=None)).tally == ()


def test_buckets_move_by_the_difference() -> None:
    """What is given back is taken from exactly the buckets that it was put into."""
    before = replace(JOB, reservation=TAKEN)
    after = replace(JOB, phase=Phase.FAILED, reservation=replace(TAKEN, is_settled=True))
    ring = KeyRing()
    moved = {
        (ring.names[int(move[1]) - 1], move[2]): move[3]
        for move in moves(place(before), place(after), after, ring)
        if move[0] == "HINCRBY"
    }
    day, month = (keys.usage(JOB.owner, period) for period in (TAKEN.day, TAKEN.month))
    model = f"units {JOB.request.family.value}"
    assert moved == {(day, "failed"): "1", (day, "units"): "-3", (day, model): "-3", (month, "units"): "-3"}


def test_bounds_are_compared_where_there_are_any() -> None:
    """Units together, jobs by their number; what costs nothing needs no units."""
    ring, jobs = KeyRing(), [replace(JOB, reservation=TAKEN)] * 2
    bounds = Bounds(daily_units=9, monthly_units=90, concurrent_jobs=5, queued_jobs=4)
    checks = [
        (name, added, most, command, ring.names[int(place) - 1], *rest)
        for name, added, most, command, place, *rest in bound_checks(jobs, bounds, ring)
    ]
    assert checks == [
        ("daily_units", 6, 9, "HGET", keys.usage(JOB.owner, TAKEN.day), "units"),
        ("monthly_units", 6, 90, "HGET", keys.usage(JOB.owner, TAKEN.month), "units"),
        ("concurrent_jobs", 2, 5, "SCARD", keys.live(JOB.owner)),
        ("queued_jobs", 2, 4, "SCARD", keys.live_waiting(JOB.owner)),
    ]
    assert bound_checks(jobs, NO_BOUNDS, ring) == []
    free = [replace(JOB, reservation=replace(TAKEN, units=0))]
    assert bound_checks(free, Bounds(daily_units=1), ring) == []


def test_an_unchanged_place_needs_no_move() -> None:
    """Progress moves nothing."""
    job = place(replace(AT, phase=Phase.RUNNING, bound_id="r"))
    assert list(moves(job, job, AT, KeyRing())) == []


def test_leaving_and_entering_use_the_same_keys() -> None:
    """What the way in adds, the way out takes away (tags, bound ids and virtual time live on)."""
    for job in (JOB, replace(AT, phase=Phase.SUBMITTING), replace(AT, phase=Phase.COLLECTING)):
        ring = KeyRing()
        into = {ring.names[int(move[1]) - 1] for move in moves(NOWHERE, place(job), job, ring)}
        out = {ring.names[int(move[1]) - 1] for move in moves(place(job), NOWHERE, job, ring)}
        assert into - {keys.WAITING} <= out | {keys.WAITING}


def test_every_number_of_a_jump_is_an_event() -> None:
    """A decision of several steps leaves no gap."""
    assert [event.seq for event in public_events(JOB, replace(JOB, seq=4))] == [2, 3, 4]
    assert public_events(JOB, JOB) == ()
    assert [event.seq for event in public_events(None, JOB)] == [1]


def test_a_plan_carries_the_guards_that_apply() -> None:
    """Lease and slots where asked, uniqueness where something unique is entered."""

    def guards(before: Job, after: Job, lease: Lease | None = None, slots: int | None = None) -> list[str]:
        content = json.loads(plan(before, after, KeyRing(), lease=lease, slots=slots))
        return [guard[0] for guard in content["guards"]]

    bound, sent = replace(AT, phase=Phase.BOUND), replace(AT, phase=Phase.SUBMITTING)
    started = replace(AT, phase=Phase.RUNNING, bound_id="r")
    assert guards(JOB, bound, slots=3) == ["slots"]
    assert guards(bound, sent, lease=Lease(account_id="a", token="1:x")) == ["lease", "twin"]
    assert guards(sent, started) == ["taken"]
    assert guards(started, replace(started, progress=0.5)) == []


def test_a_key_ring_holds_each_key_once() -> None:
    """The state comes first; a key keeps its place."""
    ring = KeyRing()
    assert ring.place(keys.FEED) == 1
    place_of_new = ring.place("new")
    assert (place_of_new, ring.place("new")) == (len(keys.STATE) + 1, place_of_new)
    assert ring.names == [*keys.STATE, "new"]


def test_the_end_of_a_job_is_owed_to_whoever_listens() -> None:
    """In the move that ends it, once; for certain where the request names an address; not if deleted."""

    def owed(before: Job, after: Job) -> list[tuple[str, str]]:
        ring = KeyRing()
        found = [move for move in moves(place(before), place(after), after, ring) if move[0] == "owe"]
        assert all(ring.names[int(move[1]) - 1] == keys.EVENTS_OWED for move in found)
        assert all(ring.names[int(move[2]) - 1] == keys.endpoints_of(after.owner) for move in found)
        return [(str(move[3]), str(move[4])) for move in found]

    ended = replace(AT, phase=Phase.FAILED)
    assert owed(AT, ended) == [("job_x", "0")]
    assert owed(ended, replace(ended, outputs=(new_output(),), expires_at=9.0)) == []
    assert owed(AT, replace(ended, deleted_at=5.0)) == []
    called = replace(ended, request=replace(ended.request, callback=Callback(url="https://a.test/")))
    assert owed(AT, called) == [("job_x", "1")]


def test_a_change_that_moves_nothing_is_told_from_one_that_does() -> None:
    """Whichever field of a job in whichever place changes: the plan has the moves between the two places."""
    changes: dict[str, Any] = {
        "phase": Phase.RUNNING,
        "account_id": "b",
        "attempt": replace(ATTEMPT, fingerprint="g"),
        "obligation": OWED,
        "bound_id": "r2",
        "reservation": Reservation(units=2, day="2026-11-22", month="2026-11"),
        "not_before": 7.0,
        "deadline_at": 60.0,
        "outputs": (new_output(),),
        "expires_at": 70.0,
        "deleted_at": 80.0,
        "progress": 0.5,
        "unknown_reads": 1,
        "updated_at": 90.0,
        "started_at": 90.0,
        "completed_at": 90.0,
        "notes": {"a": "b"},
        "tries": 7,
        "result_id": "x",
    }
    for phase in Phase:
        before = replace(AT, phase=phase)
        for name, value in changes.items():
            after = replace(before, **{name: value})
            ring = KeyRing()
            told = json.loads(plan(before, after, ring))["moves"]
            expected = moves(place(before), place(after), after, ring)
            assert told == json.loads(to_json(list(expected))), (phase, name)
