"""A job's story: what happened, and what it waits for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.domain.accounts import AccountState, Plan
from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.jobs import Attempt, Job, JobError, Phase, Step
from sora_gateway.engine.explaining import history, known_as, story
from sora_gateway.ports.stores import Load
from tests.domain.samples import NOW_S, account, job

ANN = replace(account("ann-1234567890"), name="ann")
BOB = account("bob-1234567890")
ACCOUNTS = [ANN, BOB]


def told(of: Job, position: int | None = None, **loads: Load) -> list[str]:
    """Return what the job waits for."""
    return [one.text for one in story(of, ACCOUNTS, loads, position, NOW_S).waits_for]


def test_accounts_are_named_or_masked() -> None:
    """By name where there is one, even of an account that is gone by now; an e-mail is no name."""
    by_id = {one.id: one for one in ACCOUNTS}
    assert known_as(ANN.id, by_id) == "ann"
    assert known_as(BOB.id, by_id) == "sora:…7890"
    assert known_as("sora:gone-0987654321", by_id) == "sora:…4321"
    assert known_as("sora:short", by_id) == "sora:…"
    assert known_as("x:y", {"x:y": replace(ANN, name="ann@example.org")}) == "…"


def test_history() -> None:
    """From the acceptance on, with reasons and next tries; nothing secret is in it."""
    detail = "account_auth: Bearer abcdef of ann@example.org at 10.0.0.7:80 was refused"
    step = Step(at=NOW_S + 1, name="returned", account_id=ANN.id, detail=detail, next_try_at=NOW_S + 9)
    first, second = history(job(steps=(step,)), ACCOUNTS)
    assert (first.at, first.event, first.account) == (NOW_S, "accepted", None)
    assert (second.event, second.account, second.next_try_at) == ("returned", "ann", NOW_S + 9)
    assert second.detail == "account_auth: Bearer *** of … at … was refused"


def test_waiting() -> None:
    """Who is before it, why the last try failed, and what is against each account."""
    step = Step(at=NOW_S, name="returned", detail="upstream_overloaded: heavy load", next_try_at=NOW_S + 5)
    waiting = job(steps=(step,), avoid=(BOB.id,))
    assert told(waiting, 3) == [
        "the next try; the last one: upstream_overloaded: heavy load",
        "2 jobs are before it in its queue",
        "account sora:…7890: it refused this job before",
    ]


def test_waiting_for_a_plan() -> None:
    """Every account is named with what it lacks; without accounts, that."""
    wanted = replace(job().request, plan=Plan.PRO)
    assert told(job(request=wanted)) == [
        "account ann: its plan is free, and pro is needed",
        "account sora:…7890: its plan is free, and pro is needed",
    ]
    empty = story(job(), [], {}, 1, NOW_S)
    assert [one.text for one in empty.waits_for] == ["there is no account that it may use"]
    resting = replace(ANN, state=AccountState.COOLING, until=NOW_S + 60, reason="the pace")
    (why,) = story(job(), [resting], {}, 1, NOW_S).waits_for
    assert (why.text, why.until) == ("account ann: it rests: the pace", NOW_S + 60)


ATTEMPT = Attempt(ticket="t", fingerprint="f", marker="m", written_at=NOW_S, send_by=NOW_S, absent_reads=2)
PUT_OFF = Step(at=NOW_S, name="put off", detail="expired: the link is dead", next_try_at=NOW_S + 4)


@pytest.mark.parametrize(
    ("changes", "headline", "waits"),
    [
        ({"phase": Phase.BOUND}, "It has a slot on ann", []),
        ({"phase": Phase.SUBMITTING}, "It is being sent on ann.", []),
        (
            {"phase": Phase.AMBIGUOUS, "attempt": replace(ATTEMPT, counts_from=NOW_S + 60)},
            "It was sent on ann and no answer came",
            ["the last moment at which an answer could come"],
        ),
        (
            {"phase": Phase.AMBIGUOUS, "attempt": ATTEMPT},
            "It was sent on ann and no answer came",
            ["evidence; 2 complete reads have not shown it so far"],
        ),
        ({"phase": Phase.RUNNING, "progress": 0.4}, "The backend works on it on ann: 40 %.", []),
        (
            {"phase": Phase.RUNNING, "unknown_reads": 3},
            "The backend works on it on ann: 0 %.",
            ["3 reads of the backend's lists did not show its task"],
        ),
        (
            {"phase": Phase.RUNNING, "account_id": "sora:gone-0987654321"},
            "The backend works on it on sora:…4321: 0 %.",
            ["its account was removed: it ends at its deadline"],
        ),
        ({"phase": Phase.COLLECTING}, "The backend has finished it on ann", []),
        (
            {"phase": Phase.COLLECTING, "steps": (PUT_OFF,)},
            "The backend has finished it on ann",
            ["the next try; the last one: expired: the link is dead"],
        ),
        ({"phase": Phase.COMPLETED}, "It is completed.", []),
        ({"phase": Phase.CANCELLED}, "It was cancelled.", []),
        (
            {"phase": Phase.FAILED, "error": JobError(kind=ErrorKind.LOST, message="Lost.", code="lost")},
            "It failed: Lost.",
            [],
        ),
    ],
)
def test_each_phase(changes: dict[str, object], headline: str, waits: list[str]) -> None:
    """Where it is in one sentence, and what keeps it there."""
    of = job(**({"account_id": ANN.id} | changes))
    assert story(of, ACCOUNTS, {}, None, NOW_S).headline.startswith(headline)
    assert told(of) == waits
