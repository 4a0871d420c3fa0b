"""Killing the gateway at any moment loses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.functional.harness import Gateway, Simulator, running, sse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

JOBS, KILLS = 30, 10
SLOW_VIDEO = [
    {"status": "preprocessing", "seconds": 0.3},
    {"status": "queued", "seconds": 0.3},
    {"status": "running", "seconds": 2.0, "progress_from": 0.1, "progress_to": 0.9},
    {"status": "processing", "seconds": 0.2, "progress_from": 1.0, "progress_to": 1.0},
]


class Watcher:
    """Follows one job's events over any number of broken connections."""

    def __init__(self, client: httpx2.AsyncClient, job_id: str) -> None:
        self._client = client
        self._job_id = job_id
        self.events: list[tuple[int, str, dict[str, Any]]] = []

    async def follow(self) -> None:
        """Read until the final event, resuming after each break."""
        while not self.events or self.events[-1][1] not in ("video.completed", "video.failed"):
            headers = {"Last-Event-ID": str(self.events[-1][0])} if self.events else {}
            with contextlib.suppress(httpx2.HTTPError, AssertionError):
                await self._read(headers)
            await asyncio.sleep(0.1)

    async def _read(self, headers: dict[str, str]) -> None:
        path = f"/videos/{self._job_id}/events"
        async with self._client.stream("GET", path, headers=headers) as response:
            assert response.status_code == 200
            async for event in sse(response):
                if event.get("event") != "ping":
                    self.events.append((int(event["id"]), event["event"], json.loads(event["data"])))


async def test_thirty_jobs_survive_ten_kills(tmp_path: Path) -> None:
    """30 jobs on 3 accounts, kill -9 ten times: all complete, 30 creations, events without gap and repeat."""
    simulator = Simulator(tmp_path / "simulator", timing__video__phases=SLOW_VIDEO)
    gateway = Gateway(tmp_path / "gateway", simulator)
    with running(simulator, gateway):
        await simulator.ready()
        await gateway.ready()
        gateway.add_accounts(await simulator.tokens())
        key = gateway.new_key()
        async with gateway.client(key) as client:
            ids = []
            for number in range(JOBS):
                body = {"model": "sora_video2", "prompt": f"job number {number}"}
                ids.append((await client.post("/videos", json=body)).raise_for_status().json()["id"])
            watchers = [Watcher(client, job_id) for job_id in ids]
            async with asyncio.TaskGroup() as group:
                following = [group.create_task(watcher.follow()) for watcher in watchers]
                for kill in range(KILLS):
                    await asyncio.sleep(0.35 + 0.17 * kill)  # ten different moments of the jobs' lives
                    gateway.kill()
                    gateway.start()
                    await gateway.ready()
                async with asyncio.timeout(150):
                    await asyncio.wait(following)
            jobs = [(await client.get(f"/videos/{job_id}")).raise_for_status().json() for job_id in ids]
        creations = await simulator.creations()
    assert [job["status"] for job in jobs] == ["completed"] * JOBS
    assert sorted(row["prompt"] for row in creations) == sorted(
        f"job number {number}" for number in range(JOBS)
    )
    for watcher in watchers:
        first = watcher.events[0][0]
        assert [event[0] for event in watcher.events] == list(range(first, first + len(watcher.events)))
        assert all(event[1] != "snapshot" for event in watcher.events)
