"""Tasks of forgotten attempts are bound to their jobs, never to others, and never make a second one."""

from __future__ import annotations

import asyncio

from sora_gateway.domain.job_events import Cancelled
from sora_gateway.domain.jobs import Phase
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.remote import Listed
from sora_gateway.engine.lane import Lane
from sora_gateway.engine.markers import make_marker
from sora_gateway.engine.strays import Strays
from sora_gateway.engine.tools import NodeTools
from sora_gateway.ports.stores import Store
from tests.conftest_store import accepted, bound, held, new_job, on, running
from tests.engine.conftest import ACCOUNT, Scripted, eventually


def _listed(job_id: str, ticket: str = "lost") -> Listed:
    return Listed(kind=MediaKind.VIDEO, is_unfinished=True, marker=make_marker(job_id, ticket))


async def test_waiting_job_gets_its_task_back(store: Store, tools: NodeTools) -> None:
    """A job that looks as if it was never sent is bound to the task that carries its name."""
    job = new_job()
    await accepted(store, job)
    (after,) = await Strays(ACCOUNT, tools).adopt({"task_1": _listed(job.id)})
    assert (after.phase, after.bound_id, after.account_id) == (Phase.RUNNING, "task_1", ACCOUNT)
    assert await store.jobs.heads(10) == []


async def test_bound_job_is_not_sent_again(store: Store, tools: NodeTools, upstream: Scripted) -> None:
    """A lane looks before it sends: what is there already is adopted, and nothing is created."""
    job = new_job()
    await bound(store, job, account=ACCOUNT)
    upstream.listed = {"task_1": _listed(job.id)}
    lane = Lane(await held(store, ACCOUNT), tools, lambda: True)
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run())
        after = await eventually(store, job.id, lambda j: j.phase is Phase.RUNNING)
        lane.stop(0)
    assert after.bound_id == "task_1"
    assert upstream.tickets == []


async def test_others_are_left_alone(store: Store, tools: NodeTools) -> None:
    """A job that runs as another task, one that ended, and names that nobody knows keep their state."""
    busy, ended = new_job(), new_job()
    await running(store, busy, "task_busy", account=ACCOUNT)
    await accepted(store, ended)
    await store.jobs.change(ended.id, on(Cancelled()))
    listed = {
        "task_busy": _listed(busy.id, busy.id),
        "task_second": _listed(busy.id),
        "task_late": _listed(ended.id),
        "task_else": _listed("video_of_another_gateway"),
    }
    strays = Strays(ACCOUNT, tools)
    assert await strays.adopt(listed) == []
    after = await store.jobs.get(busy.id)
    assert after is not None
    assert after.bound_id == "task_busy"
    assert await strays.adopt(listed) == []
