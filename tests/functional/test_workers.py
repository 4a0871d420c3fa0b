"""Several workers on one embedded store are one gateway."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.functional.harness import Gateway, Simulator, running, sse, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

CALLERS = 40
JOBS = 6


def workers_of(gateway: Gateway) -> list[psutil.Process]:
    """Return the workers, without the store."""
    children = psutil.Process(gateway.pid).children()
    return [child for child in children if "sora_gateway.cli.worker" in child.cmdline()]


def holders(gateway: Gateway) -> dict[int, int]:
    """Return which worker holds the connection from a port, for all."""
    return {
        connection.raddr.port: worker.pid
        for worker in workers_of(gateway)
        for connection in worker.net_connections("tcp")
        if connection.raddr
    }


async def _connect(
    stack: contextlib.AsyncExitStack, gateway: Gateway, key: str
) -> tuple[int, httpx2.AsyncClient]:
    """Return a client with a connection that stays, and the port that it comes from."""
    client = await stack.enter_async_context(gateway.client(key))
    async with client.stream("GET", "/models") as answer:
        assert answer.status_code == 200
        address = answer.extensions["network_stream"].get_extra_info("client_addr")
        await answer.aread()
    return address[1], client


@contextlib.asynccontextmanager
async def one_client_for_each(gateway: Gateway, key: str) -> AsyncIterator[dict[int, httpx2.AsyncClient]]:
    """Connect many at once, of whom each of the two workers must take a fair part; return one for each."""
    async with contextlib.AsyncExitStack() as stack:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_connect(stack, gateway, key)) for _ in range(CALLERS)]
        held = holders(gateway)
        connected = [(held[port], client) for port, client in (task.result() for task in tasks)]
        served = Counter(worker for worker, _ in connected)
        assert len(served) == 2, "one worker serves them all"
        assert min(served.values()) >= CALLERS // 5, served
        yield dict(connected)


async def _create(client: httpx2.AsyncClient, prompt: str) -> str:
    answer = await client.post("/videos", json={"model": "sora_video2", "prompt": prompt})
    return str(answer.raise_for_status().json()["id"])


async def _workers_alive(gateway: Gateway) -> int:
    """Return what the metrics say."""
    async with httpx2.AsyncClient() as client:
        page = (await client.get(f"{gateway.url}/metrics")).text
    return next(
        int(float(line.split()[1])) for line in page.splitlines() if line.startswith("sora_gateway_workers ")
    )


async def test_two_workers(tmp_path: Path) -> None:
    """Made at one, watched at the other; a killed one comes back and loses nothing; all end together."""
    simulator = Simulator(tmp_path / "simulator")
    # A creation that the killed worker was about to send is repeated when it cannot arrive any more.
    gateway = Gateway(
        tmp_path / "gateway",
        simulator,
        SORA_GATEWAY_WORKERS="2",
        SORA_GATEWAY_SORA_WEB_CREATE_TIMEOUT_S="2",
        SORA_GATEWAY_SORA_WEB_ABSENCE_OVER_S="2",
    )
    with running(simulator, gateway):
        await simulator.ready()
        await gateway.ready()
        gateway.add_accounts(await simulator.tokens())
        key = gateway.new_key()

        async def both_live() -> bool:
            return await _workers_alive(gateway) == 2

        await until(both_live, timeout_s=10, what="both workers")
        async with one_client_for_each(gateway, key) as clients:
            (victim, maker), (_, watcher) = clients.items()
            job_id = await _create(maker, "made at one")
            async with asyncio.timeout(20), watcher.stream("GET", f"/videos/{job_id}/events") as response:
                events = [event["event"] async for event in sse(response) if "event" in event]
            assert events[-1] == "video.completed"
            ids = [await _create(maker, f"job {number}") for number in range(JOBS)]
            os.kill(victim, signal.SIGKILL)

            async def all_done() -> bool:
                jobs = [(await watcher.get(f"/videos/{job_id}")).json() for job_id in ids]
                return all(job["status"] == "completed" for job in jobs)

            await until(all_done, timeout_s=60, what="all jobs to be finished")
        await until(both_live, timeout_s=10, what="the killed worker to be back")
        assert victim not in {worker.pid for worker in workers_of(gateway)}
        assert len(await simulator.creations()) == 1 + JOBS
        family = psutil.Process(gateway.pid).children(recursive=True)
        gateway.signal(signal.SIGTERM)
        assert gateway.wait(5) == 0
        _, left = psutil.wait_procs(family, timeout=1)
        assert [one for one in left if one.status() != psutil.STATUS_ZOMBIE] == []
    log = gateway.log.read_text()
    assert log.count("Listening on ") == 1
    assert log.count("a worker ended; starting it again") == 1
    assert "Traceback" not in log
