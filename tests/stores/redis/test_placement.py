"""Prove where jobs stand, without a server."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from sora_gateway.domain.jobs import (
    Attempt,
    Job,
    Obligation,
    Phase,
)
from sora_gateway.ports.stores import Lease
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.placement import NOWHERE, KeyRing, Placement, moves, place, plan, public_events
from tests.conftest_store import new_job, new_output

JOB = replace(new_job("job_x"), deadline_at=50.0)
ATTEMPT = Attempt(ticket="t", fingerprint="f", marker="m", written_at=1.0, send_by=2.0)
AT = replace(JOB, account_id="a", attempt=ATTEMPT)
OWED = Obligation(account_id="a", since=1.0, ticket="t")


@pytest.mark.parametrize(
    ("job", "placement"),
    [
        (JOB, Placement(queue=0.0, deadline_at=50.0)),
        (replace(JOB, not_before=9.0), Placement(queue=9.0, deadline_at=50.0)),
        (replace(AT, phase=Phase.BOUND, attempt=None), Placement(lane="a", deadline_at=50.0)),
        (replace(AT, phase=Phase.SUBMITTING), Placement(lane="a", unsettled="f", deadline_at=50.0)),
        (replace(AT, phase=Phase.AMBIGUOUS), Placement(lane="a", unsettled="f", deadline_at=50.0)),
        (
            replace(AT, phase=Phase.RUNNING, bound_id="r"),
            Placement(lane="a", bound="r", deadline_at=50.0),
        ),
        (
            replace(AT, phase=Phase.COLLECTING, bound_id="r"),
            Placement(bound="r", is_collecting=True, deadline_at=50.0),
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
