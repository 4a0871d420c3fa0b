"""What callers are told while they wait is true: places, times, turns."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.functional.harness import Gateway, until
from tests.functional.stage import staged

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

VIDEO_S = 5.0
SLOTS = 9  # three accounts with three each
PHASES = [
    {"status": "queued", "seconds": 0.2},
    {"status": "running", "seconds": VIDEO_S - 0.4, "progress_from": 0.1, "progress_to": 0.9},
    {"status": "processing", "seconds": 0.2, "progress_from": 1.0, "progress_to": 1.0},
]


def _key(gateway: Gateway, name: str, *options: str) -> str:
    made: dict[str, Any] = json.loads(gateway.run("licence", "create", name, "--all", *options, "--json"))
    return str(made["api_key"])


class Callers:
    """Some licences, and all jobs that they have made."""

    def __init__(self, clients: dict[str, httpx2.AsyncClient]) -> None:
        self._clients = clients
        self.jobs: dict[str, str] = {}
        self.done: set[str] = set()

    async def make(self, who: str, count: int, **fields: Any) -> list[str]:
        """Submit so many videos, one after the other."""
        made = []
        for _ in range(count):
            prompt = f"{who} {len(self.jobs)}"
            body = {"model": "sora_video2", "prompt": prompt, **fields}
            answer = (await self._clients[who].post("/videos", json=body)).raise_for_status().json()
            self.jobs[answer["id"]] = who
            made.append(answer["id"])
        return made

    async def look(self, job_id: str) -> dict[str, Any]:
        """Return the video object."""
        answer = await self._clients[self.jobs[job_id]].get(f"/videos/{job_id}")
        job: dict[str, Any] = answer.raise_for_status().json()
        if job["status"] in ("completed", "failed"):
            self.done.add(job_id)
        return job

    async def all(self) -> dict[str, dict[str, Any]]:
        """Return all of them."""
        return {job_id: await self.look(job_id) for job_id in self.jobs}

    async def turn_of(self, job_id: str) -> float:
        """Return when it was given an account."""
        path = f"/videos/{job_id}?detail=true"
        answer = (await self._clients[self.jobs[job_id]].get(path)).raise_for_status().json()
        return max(step["at"] for step in answer["history"] if step["event"] == "bound")

    async def cancel(self, job_id: str) -> None:
        """Cancel one."""
        (await self._clients[self.jobs[job_id]].post(f"/videos/{job_id}/cancel")).raise_for_status()


def _places(jobs: dict[str, dict[str, Any]]) -> dict[str, int]:
    """Return the places of those that wait, in their order."""
    waiting = {job_id: job["queue_position"] for job_id, job in jobs.items() if job["queue_position"]}
    return dict(sorted(waiting.items(), key=lambda item: item[1]))


async def test_thirty_jobs_on_three_accounts(tmp_path: Path) -> None:
    """Places count from 1 without holes, turns are fair and by class, estimates are learned."""
    changes = {"timing__video__phases": PHASES}
    async with staged(tmp_path, changes=changes) as (_, gateway):
        keys = {
            "many": _key(gateway, "many"),
            "few": _key(gateway, "few"),
            "first": _key(gateway, "first", "--priority", "high"),
        }
        async with contextlib.AsyncExitStack() as stack:
            clients = {
                name: await stack.enter_async_context(gateway.client(key)) for name, key in keys.items()
            }
            callers = Callers(clients)
            await callers.make("many", SLOTS)

            async def all_bound() -> bool:
                return not _places(await callers.all())

            await until(all_bound, timeout_s=10, what="the first jobs to get their slots")
            many = await callers.make("many", 13)
            flexible = await callers.make("few", 1, service_tier="flex")
            await callers.make("few", 3)
            high = await callers.make("first", 1)

            # Nothing moves before the first videos are done.
            jobs = await callers.all()
            places = _places(jobs)
            assert list(places.values()) == list(range(1, 19)), places
            order = list(places)
            assert order[0] == high[0]
            assert order[-1] == flexible[0]
            assert [callers.jobs[job_id] for job_id in order[1:7]].count("few") == 3
            assert [job_id for job_id in order if job_id in many] == many

            gone = many[5]
            await callers.cancel(gone)
            jobs = await callers.all()
            order.remove(gone)
            assert list(_places(jobs)) == order
            assert list(_places(jobs).values()) == list(range(1, 18))
            assert (jobs[gone]["queue_position"], jobs[gone]["eta_s"]) == (None, 0)

            async def one_done() -> bool:
                await callers.all()
                return len(callers.done) >= 4

            await until(one_done, timeout_s=30, what="the first videos")
            told = {job_id: job["eta_s"] for job_id, job in (await callers.all()).items()}
            in_order = [told[job_id] for job_id in order if job_id not in callers.done]
            assert all(in_order), "0 is what a finished job says"
            assert max(in_order) < 60, "the first guess is of a slower backend"

            async def all_done() -> bool:
                await callers.all()
                return len(callers.done) == len(callers.jobs)

            await until(all_done, timeout_s=120, what="all videos")
            turns = {job_id: await callers.turn_of(job_id) for job_id in order}
    assert sorted(order, key=lambda job_id: turns[job_id]) == order
