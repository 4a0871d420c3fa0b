"""What people are told of jobs and accounts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.accounts.standing import IDLE, Obstacle, standing
from sora_gateway.cli.telling import (
    account_document,
    account_lines,
    ahead,
    free_slots,
    job_document,
    job_lines,
    quota,
    sentence,
    since,
)
from sora_gateway.domain.accounts import Account, AccountState
from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.jobs import JobError, Obligation, Phase, Step
from sora_gateway.domain.media import MediaKind
from sora_gateway.engine.explaining import story
from sora_gateway.ports.stores import Load
from tests.domain.samples import NOW_S, account, job


@pytest.mark.parametrize(
    ("at_s", "text"),
    [
        (None, "-"),
        (NOW_S - 9, "now"),
        (NOW_S + 90, "in 90 s"),
        (NOW_S + 150, "in 2 min"),
        (NOW_S + 7200, "in 2 h"),
        (NOW_S + 172_800, "in 2 d"),
    ],
)
def test_ahead(at_s: float | None, text: str) -> None:
    """How far off a time is."""
    assert ahead(at_s, NOW_S) == text


def test_since() -> None:
    """Seconds count while they matter."""
    assert (since(NOW_S - 7, NOW_S), since(NOW_S - 300, NOW_S)) == ("7 s ago", "5 min ago")


def test_sentence() -> None:
    """An obstacle says until when, if that is known."""
    assert sentence(Obstacle(text="it is disabled"), NOW_S) == "it is disabled"
    assert sentence(Obstacle(text="it rests", until=NOW_S + 30), NOW_S).endswith("UTC (in 30 s)")


def test_a_failed_job() -> None:
    """Why, where, how often and what is still owed."""
    steps = (
        Step(at=NOW_S + 1, name="bound", account_id="sora:a"),
        Step(at=NOW_S + 2, name="returned", account_id="sora:a", detail="busy: full", next_try_at=NOW_S + 7),
    )
    failed = job(
        phase=Phase.FAILED,
        account_id="sora:a",
        tries=3,
        steps=steps,
        error=JobError(kind=ErrorKind.LOST, message="The backend lost it.", code="lost"),
        obligation=Obligation(account_id="sora:a", since=NOW_S, ticket="t", remote_id="task_1"),
    )
    named = replace(account(), name="ann")
    told = story(failed, [named], {}, None, NOW_S + 60)
    text = "\n".join(job_lines(failed, told, None, NOW_S + 60))
    for part in (
        "video_1: video, sora_video2, failed (failed)",
        "It failed: The backend lost it.",
        "attempts  3",
        "error     lost (lost)",
        "owed      task_1 is watched",
        "58 s ago  returned on ann - busy: full (again 5 s later)",
    ):
        assert part in text
    shown = job_document(failed, told, None)
    assert shown["error"] == {"code": "lost", "message": "The backend lost it."}
    assert [one["event"] for one in shown["history"]] == ["accepted", "bound", "returned"]
    assert shown["is_owed"] is True


def test_a_waiting_job() -> None:
    """Its place, its deadline, and what keeps it there."""
    waiting = job(deadline_at=NOW_S + 3600)
    told = story(waiting, [account(state=AccountState.DISABLED, reason="by hand")], {}, 4, NOW_S)
    text = "\n".join(job_lines(waiting, told, 4, NOW_S))
    assert "What keeps it there:" in text
    assert "- 3 jobs are before it in its queue" in text
    assert "- account sora:…: it is disabled: by hand" in text
    assert "position  4 in the queue" in text
    assert ", normal priority" in text
    assert "(in 60 min); then it fails" in text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (account(), "unknown"),
        (account(videos_remaining=1), "1 video left"),
        (account(videos_remaining=3, quota_resets_at=NOW_S + 90), "in 90 s)"),
        (
            account(videos_remaining=0, quota_resets_at=NOW_S - 90),
            "0 videos left or more: some came back 90 s",
        ),
    ],
)
def test_quota(given: Account, text: str) -> None:
    """What is left, and when more comes back; a number that is out of date says so."""
    assert text in quota(given, NOW_S)


def test_an_account() -> None:
    """State, slots by whom they are taken, quota, plan, last use and credential; no secret."""
    load = Load(ours={MediaKind.VIDEO: 1}, foreign={MediaKind.VIDEO: 2})
    given = account(groups=("night",), last_used_at=NOW_S - 120, videos_remaining=7)
    given = replace(given, credential=replace(given.credential, expires_at=NOW_S - 60, trouble="refused"))
    how = standing(given, load, NOW_S)
    text = "\n".join(account_lines(given, how, NOW_S - 3, NOW_S))
    for part in (
        "sora:a: ready",
        "- no video slot is free: of 3, 1 run jobs of this gateway and 2 tasks of other clients",
        "0 of 3 free; 1 ours, 2 of other clients",
        "quota      7 videos left",
        "plan       free; groups: free, night",
        "last use   2 min ago; looked at 3 s ago",
        "access token, expired",
        "cannot be renewed; the last renewal failed: refused",
    ):
        assert part in text
    assert "token-a" not in text
    assert free_slots(how) == "1/1 image, 0/3 video, 2/2 character"
    assert account_document(given, how, None)["load"]["video"] == {
        "slots": 3,
        "ours": 1,
        "foreign": 2,
        "free": 0,
    }
    idle = standing(account(), IDLE, NOW_S)
    assert "Nothing is against new work." in "\n".join(account_lines(account(), idle, None, NOW_S))
