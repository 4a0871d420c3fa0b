"""Notes are in the job before the step goes on, and only while the job is at that step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.domain.job_events import Cancelled, Returned
from sora_gateway.domain.jobs import Job
from sora_gateway.engine.notebook import JobNotebook
from sora_gateway.engine.tools import NodeTools
from sora_gateway.ports.stores import Lease, LeaseLostError, Store
from sora_gateway.ports.upstream import StepLostError
from tests.conftest_store import bound, new_job, on
from tests.engine.conftest import ACCOUNT


async def _bound(store: Store) -> Job:
    job = new_job()
    await bound(store, job, account=ACCOUNT)
    stored = await store.jobs.get(job.id)
    assert stored is not None
    return stored


async def test_notes_are_stored_and_found(store: Store, tools: NodeTools) -> None:
    """What one wrote, another who opens the job's notebook knows; parts are kept apart."""
    job = await _bound(store)
    await JobNotebook(job, tools).write({"a": "1"})
    stored = await store.jobs.get(job.id)
    assert stored is not None
    again = JobNotebook(stored, tools)
    await again.write({"b": "2"})
    assert again.known == {"a": "1", "b": "2"}
    later = JobNotebook(again.job, tools, part="later.")
    await later.write({"a": "3"})
    assert later.known == {"a": "3"}
    assert later.job.notes == {"a": "1", "b": "2", "later.a": "3"}


async def test_a_pinned_job_comes_back_to_its_account(store: Store, tools: NodeTools) -> None:
    """It keeps its notes, and waits in the queue of that account alone; an unpinned one loses them."""
    pinned, loose = await _bound(store), await _bound(store)
    await JobNotebook(pinned, tools).write({"a": "1"}, is_pinned=True)
    await JobNotebook(loose, tools).write({"a": "1"})
    back = on(Returned(ticket=None, reason="busy"))
    _, pinned = await store.jobs.change(pinned.id, back)
    _, loose = await store.jobs.change(loose.id, back)
    assert (pinned.request.account_id, pinned.notes) == (ACCOUNT, {"a": "1"})
    assert (loose.request.account_id, loose.notes) == (None, {})
    heads = {head.job_id: head.signature for head in await store.jobs.heads(10)}
    assert heads[pinned.id].endswith(f"/@{ACCOUNT}")
    assert heads[loose.id] == loose.signature


async def test_a_job_that_moved_on_takes_no_notes(store: Store, tools: NodeTools) -> None:
    """Neither after its end nor when it was bound anew."""
    ended, anew = await _bound(store), await _bound(store)
    await store.jobs.change(ended.id, on(Cancelled()))
    with pytest.raises(StepLostError):
        await JobNotebook(ended, tools).write({"a": "1"})
    earlier = replace(anew, tries=anew.tries - 1)
    with pytest.raises(StepLostError):
        await JobNotebook(earlier, tools).write({"a": "1"})


async def test_two_writers_do_not_mix(store: Store, tools: NodeTools) -> None:
    """Who finds notes that are not his stops: another holds the step by now."""
    job = await _bound(store)
    late = JobNotebook(job, tools)
    await JobNotebook(job, tools).write({"a": "1"})
    with pytest.raises(StepLostError):
        await late.write({"a": "2"})
    stored = await store.jobs.get(job.id)
    assert stored is not None
    assert stored.notes == {"a": "1"}


async def test_the_lease_guards_it(store: Store, tools: NodeTools) -> None:
    """Who lost the lane writes nothing more."""
    job = await _bound(store)
    with pytest.raises(LeaseLostError):
        await JobNotebook(job, tools, lease=Lease(account_id=ACCOUNT, token="old")).write({"a": "1"})
