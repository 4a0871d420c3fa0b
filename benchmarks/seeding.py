"""Bring very many jobs into flight in little time: tasks are made at the backend, records are written.

The gateway would take minutes. Each account first gets a job by the ordinary way; the others are its copies,
each bound to a task of its own, written as another node would have done it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx2

from benchmarks.library import opened
from benchmarks.simulated import TASK, bearer
from benchmarks.site import Site
from sora_gateway.domain.jobs import Job, Phase
from sora_gateway.kit.clock import system_now
from sora_gateway.kit.ids import new_id
from sora_gateway.ports.stores import Store

_TOGETHER = 8
_BATCH = 20
_COST = 1.0
_QUEUE_LIMIT = 10_000_000


@dataclass(frozen=True, slots=True)
class Room:
    """An account: its token, a job that runs on it, and how many more it takes."""

    token: str
    template: Job
    free: int


def seed(site: Site, slots: int) -> int:
    """Fill every account up to ``slots`` tasks and return how many jobs were added."""
    return asyncio.run(_seed(site, slots))


async def _seed(site: Site, slots: int) -> int:
    async with opened(site.store.socket) as store:
        rooms = await _rooms(site, store, slots)
        limit = asyncio.Semaphore(_TOGETHER)
        async with (
            httpx2.AsyncClient(base_url=site.simulator.url, timeout=60) as client,
            asyncio.TaskGroup() as group,
        ):
            for room in rooms:
                group.create_task(_fill(client, store, room, limit))
    return sum(room.free for room in rooms)


async def _rooms(site: Site, store: Store, slots: int) -> Sequence[Room]:
    """Return all accounts; each must have a job of its own."""
    tasks = await site.simulator.creations()
    accounts = (await site.simulator.get("accounts"))["items"]
    used = Counter(str(task["account"]) for task in tasks)
    templates = await _templates(site, store, {str(task["task_id"]): str(task["account"]) for task in tasks})
    return [
        Room(account["access_token"], templates[account["name"]], slots - used[account["name"]])
        for account in accounts
    ]


async def _templates(site: Site, store: Store, names: Mapping[str, str]) -> dict[str, Job]:
    found: dict[str, Job] = {}
    for job_id in await asyncio.to_thread(job_ids, site, len(names)):
        job = await store.jobs.get(job_id)
        name = names.get(job.bound_id or "") if job is not None else None
        if job is not None and job.phase is Phase.RUNNING and name is not None:
            found[name] = job
    return found


async def _fill(client: httpx2.AsyncClient, store: Store, room: Room, limit: asyncio.Semaphore) -> None:
    for batch in _batches(room.free):
        async with limit:
            copies = [await _copy(client, room) for _ in range(batch)]
            await store.jobs.accept(copies, cost=_COST, queue_limit=_QUEUE_LIMIT)


async def _copy(client: httpx2.AsyncClient, room: Room) -> Job:
    body: dict[str, Any] = {**TASK, "prompt": room.template.request.prompt}
    answer = await client.post("/backend/nf/create", json=body, headers=bearer(room.token))
    now_s = system_now()
    return replace(
        room.template,
        id=new_id("video", system_now),
        bound_id=str(answer.raise_for_status().json()["id"]),
        created_at=now_s,
        updated_at=now_s,
        version=1,
        seq=1,
        progress=0.0,
    )


def _batches(count: int) -> list[int]:
    return [min(_BATCH, count - start) for start in range(0, count, _BATCH)]


def job_ids(site: Site, most: int) -> list[str]:
    """Return ids of jobs, newest first."""
    found: list[str] = []
    with site.client() as client:
        while len(found) < most:
            after = {"after": found[-1]} if found else {}
            page = client.get("/videos", params={"limit": 100, **after}).raise_for_status().json()
            found += [job["id"] for job in page["data"]]
            if not page["has_more"]:
                break
    return found[:most]
