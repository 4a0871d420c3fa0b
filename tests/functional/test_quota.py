"""Units follow the jobs, whatever happens to the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.functional.harness import Gateway, Simulator, running, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

JOBS, KILLS, CANCELLED, FAILING = 20, 5, 4, 3
UNITS_OF = {"10": 1, "15": 2}
QUOTA = 40
VIDEO = [
    {"status": "queued", "seconds": 0.3},
    {"status": "running", "seconds": 1.5, "progress_from": 0.1, "progress_to": 0.9},
]


async def make(client: httpx2.AsyncClient, number: int) -> str:
    """Ask for a job of one or two units; the first few end badly."""
    prompt = f"job number {number}" + (" [fail-pending]" if number < FAILING else "")
    body = {"model": f"sora_video2-{(10, 15)[number % 2]}s", "prompt": prompt}
    return str((await client.post("/videos", json=body)).raise_for_status().json()["id"])


async def all_ended(client: httpx2.AsyncClient, ids: list[str]) -> list[dict[str, Any]]:
    """Return the jobs once all have ended."""

    async def look() -> list[dict[str, Any]]:
        with contextlib.suppress(httpx2.HTTPError):
            jobs = [(await client.get(f"/videos/{job_id}")).raise_for_status().json() for job_id in ids]
            return jobs if all(job["status"] in ("completed", "failed") for job in jobs) else []
        return []

    ended: list[dict[str, Any]] = await until(look, timeout_s=90, what="the end of all jobs")
    return ended


async def test_units_are_what_the_jobs_say_after_five_kills(tmp_path: Path) -> None:
    """20 jobs, some fail, some are cancelled while they wait, kill -9 five times.

    Then day and month hold the units of the completed jobs, no more and no less.
    """
    simulator = Simulator(tmp_path / "simulator", timing__video__phases=VIDEO)
    gateway = Gateway(tmp_path / "gateway", simulator)
    with running(simulator, gateway):
        await simulator.ready()
        await gateway.ready()
        gateway.add_accounts((await simulator.tokens())[:2])
        words = ("--all", "--daily-units", str(QUOTA), "--monthly-units", str(QUOTA), "--json")
        made = json.loads(gateway.run("licence", "create", "x", *words))
        async with gateway.client(made["api_key"]) as client:
            ids = [await make(client, number) for number in range(JOBS)]
            for job_id in ids[-CANCELLED:]:
                (await client.post(f"/videos/{job_id}/cancel")).raise_for_status()
            for kill in range(KILLS):
                await asyncio.sleep(0.3 + 0.2 * kill)  # different moments of the jobs' lives
                gateway.kill()
                gateway.start()
                await gateway.ready()
            jobs = await all_ended(client, ids)
            usage = (await client.get("/usage?days=2")).raise_for_status().json()
        told = json.loads(gateway.run("licence", "usage", made["id"], "--days", "2", "--json"))
    completed = [job for job in jobs if job["status"] == "completed"]
    units = sum(UNITS_OF[job["seconds"]] for job in completed)
    names = ("jobs", "completed", "failed", "cancelled", "units")
    assert {name: sum(day[name] for day in usage["data"]) for name in names} == {
        "jobs": JOBS,
        "completed": JOBS - CANCELLED - FAILING,
        "failed": FAILING,
        "cancelled": CANCELLED,
        "units": units,
    }
    assert usage["quota"]["daily"]["remaining"] == QUOTA - usage["data"][-1]["units"]
    assert sum(day["units"] for day in told[0]["days"]) == units
