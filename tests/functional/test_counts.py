"""What the gateway costs the backend does not grow with jobs and watchers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sora_gateway.kit.clock import boottime
from tests.functional.harness import Gateway, Simulator, running, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

LONG = [{"status": "running", "seconds": 6.0, "progress_from": 0.1, "progress_to": 0.9}]


async def test_list_calls_do_not_grow_with_jobs(tmp_path: Path) -> None:
    """30 jobs, 3 accounts: at most 3 pending calls an interval; 300 status calls cost the backend nothing."""
    interval_s = 1.0
    simulator = Simulator(tmp_path / "simulator", timing__video__phases=LONG)
    gateway = Gateway(
        tmp_path / "gateway",
        simulator,
        SORA_GATEWAY_SORA_WEB_POLL_FAST_S=str(interval_s),
        SORA_GATEWAY_SORA_WEB_POLL_SLOW_S=str(interval_s),
    )
    with running(simulator, gateway):
        await simulator.ready()
        await gateway.ready()
        gateway.add_accounts(await simulator.tokens())
        async with gateway.client(gateway.new_key()) as client:
            ids = []
            for number in range(30):
                answer = await client.post(
                    "/videos", json={"model": "sora_video2", "prompt": f"job {number}"}
                )
                ids.append(answer.raise_for_status().json()["id"])

            async def nine_run() -> bool:
                return len(await simulator.creations()) == 9

            await until(nine_run, timeout_s=20, what="nine jobs to run")
            began_at = boottime()
            await simulator.get("counts?reset=1")
            async with asyncio.timeout(60):
                async with asyncio.TaskGroup() as group:
                    group.create_task(asyncio.sleep(4.0))
                    for _ in range(10):
                        for job_id in ids:
                            assert (await client.get(f"/videos/{job_id}")).status_code == 200
            calls = (await simulator.get("counts"))["items"]
            window_s = boottime() - began_at
    by_route: dict[str, int] = {}
    for row in calls:
        by_route[row["route"]] = by_route.get(row["route"], 0) + row["calls"]
    pending = sum(count for route, count in by_route.items() if "pending" in route)
    drafts = sum(count for route, count in by_route.items() if "drafts" in route)
    others = {route: n for route, n in by_route.items() if "pending" not in route and "drafts" not in route}
    assert pending <= 3 * (window_s / interval_s + 1), by_route
    assert drafts <= pending, by_route
    assert not [route for route in others if route.startswith("GET ") and "/simulator" not in route], by_route
