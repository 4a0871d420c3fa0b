"""Prove that jobs are listed, explained and cancelled from the command line."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from sora_gateway.domain.advance import Limits, advance
from sora_gateway.domain.job_events import Bound, Returned
from sora_gateway.domain.jobs import Job
from sora_gateway.domain.media import MediaKind
from sora_gateway.kit.clock import system_now
from sora_gateway.settings import load
from sora_gateway.store_access import open_store
from tests.cli.conftest import Command
from tests.conftest_store import new_job
from tests.domain.samples import account


async def _store_jobs(*owners: str) -> list[Job]:
    """Accept a video and an image for each owner; the first of all was refused by an account once."""
    now_s = system_now()
    async with open_store(load(), is_brief=True) as store:
        await store.accounts.put(replace(account("user-1234567890"), name="ann"))
        jobs = [
            new_job(owner=owner, kind=kind, created_at=now_s - 100 + number, deadline_at=now_s + 9000)
            for number, (owner, kind) in enumerate(
                (owner, kind) for owner in owners for kind in (MediaKind.VIDEO, MediaKind.IMAGE)
            )
        ]
        for job in jobs:
            await store.jobs.accept([job], cost=1, queue_limit=100)
        account_id = "sora:user-1234567890"

        def refused(job: Job) -> Job:
            reason = "upstream_overloaded: The backend is under heavy load."
            bound = advance(job, Bound(account_id=account_id), now_s, Limits())
            event = Returned(ticket=None, reason=reason, not_before=now_s + 3600)
            return advance(bound, event, now_s, Limits())

        await store.jobs.change(jobs[0].id, refused)
        return jobs


@pytest.fixture
def keys(command: Command) -> list[str]:
    """Return the ids of two keys."""
    made = [json.loads(command("licence", "create", name, "--json").stdout) for name in ("ann", "bob")]
    return [str(one["id"]) for one in made]


def test_list_show_cancel(command: Command, keys: list[str]) -> None:
    """Everybody's jobs, one job's story, and its end."""
    jobs = asyncio.run(_store_jobs(*keys))
    listed = json.loads(command("jobs", "list", "--json").stdout)
    assert [one["id"] for one in listed] == [job.id for job in reversed(jobs)]
    assert [one["id"] for one in json.loads(command("jobs", "list", "--limit", "1", "--json").stdout)] == [
        jobs[-1].id
    ]
    mine = json.loads(command("jobs", "list", "--key", keys[0], "--status", "queued", "--json").stdout)
    assert {one["id"] for one in mine} == {jobs[0].id, jobs[1].id}
    assert jobs[0].id in command("jobs", "list").stdout

    shown = command("jobs", "show", jobs[0].id).stdout
    assert "It waits for an account." in shown
    assert "the next try; the last one: upstream_overloaded: The backend is under heavy load." in shown
    assert "returned on ann - upstream_overloaded" in shown
    document = json.loads(command("jobs", "show", jobs[0].id, "--json").stdout)
    assert [one["event"] for one in document["history"]] == ["accepted", "bound", "returned"]
    assert document["attempts"] == 1

    assert command("jobs", "cancel", jobs[0].id).stdout == f"Job {jobs[0].id} is cancelled.\n"
    assert "has ended already: cancelled" in command("jobs", "cancel", jobs[0].id).stdout
    (ended,) = json.loads(command("jobs", "list", "--status", "cancelled", "--json").stdout)
    assert (ended["id"], ended["error"]["code"]) == (jobs[0].id, "cancelled")


def test_no_such_job(command: Command, keys: list[str]) -> None:
    """A sentence and exit code 1; an empty list says so."""
    for words in (("show", "video_none"), ("cancel", "video_none")):
        result = command("jobs", *words)
        assert (result.exit_code, "no job 'video_none'" in result.stderr) == (1, True)
    assert "no such job" in command("jobs", "list").stderr
    assert command("jobs", "list", "--status", "perhaps").exit_code == 2
