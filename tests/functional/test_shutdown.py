"""A node that is told to end leaves nobody hanging: watchers, callers and jobs go on at another at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sora_gateway.kit.clock import boottime
from tests.functional.harness import Gateway, Simulator, running, until
from tests.functional.test_two_nodes import Redis

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

WATCHERS = 50
LEASE_S = 12.0
LONG_VIDEO = [
    {"status": "queued", "seconds": 0.3},
    {"status": "running", "seconds": 7.0, "progress_from": 0.1, "progress_to": 0.9},
    {"status": "processing", "seconds": 0.1, "progress_from": 1.0, "progress_to": 1.0},
]


class Follower:
    """Follows a job's events, first on one node and after its farewell on the other."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.events: list[tuple[int, str]] = []
        self.parts: list[str] = []

    async def read(self, client: httpx2.AsyncClient) -> None:
        """Read one stream to its end, which must be a whole one."""
        headers = {"Last-Event-ID": str(self.events[-1][0])} if self.events else {}
        text = ""
        async with client.stream("GET", f"/videos/{self.job_id}/events", headers=headers) as response:
            assert response.status_code == 200
            async for piece in response.aiter_text():
                text += piece
        self.parts.append(text)
        for event in text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in event.split("\n") if ": " in line)
            if "id" in fields:
                json.loads(fields["data"])
                self.events.append((int(fields["id"]), fields["event"]))


async def _calls(simulator: Simulator) -> int:
    counts: dict[str, Any] = await simulator.get("counts")
    return sum(row["calls"] for row in counts["items"] if "pending" in row["route"])


async def _turned_away(url: str, key: str) -> list[httpx2.Response]:
    """Return what a stopping node answers to newcomers until it hears nobody any more."""
    answers = []
    with contextlib.suppress(httpx2.HTTPError):
        while True:
            async with httpx2.AsyncClient() as client:
                answers.append(await client.get(f"{url}/readyz"))
                body = {"model": "sora_video2", "prompt": "too late"}
                headers = {"Authorization": f"Bearer {key}"}
                answers.append(await client.post(f"{url}/sora/v1/videos", json=body, headers=headers))
    return answers


async def test_sigterm_hands_everything_over(tmp_path: Path) -> None:
    """Fifty streams end whole and go on at the other node without gap or repeat; its lanes too, at once."""
    simulator = Simulator(tmp_path / "simulator", timing__video__phases=LONG_VIDEO)
    with contextlib.ExitStack() as stack, Redis(tmp_path / "redis") as redis:
        shared = {
            "REDIS_URL": redis.url,
            "SORA_GATEWAY_SECRET_KEY": "a secret of this test",
            "SORA_GATEWAY_MEDIA_DIR": str(tmp_path / "media"),
        }
        one = Gateway(tmp_path / "one", simulator, **shared)
        two = Gateway(tmp_path / "two", simulator, **shared)
        stack.enter_context(running(simulator, one))
        await simulator.ready()
        await one.ready()
        one.add_accounts((await simulator.tokens())[:1])
        key = one.new_key()
        limits = httpx2.Limits(max_connections=None)
        options = {"headers": {"Authorization": f"Bearer {key}"}, "timeout": 30, "limits": limits}
        async with (
            httpx2.AsyncClient(base_url=f"{one.url}/sora/v1", **options) as first,
            httpx2.AsyncClient(base_url=f"{two.url}/sora/v1", **options) as second,
        ):
            jobs = []
            for number in range(3):
                body = {"model": "sora_video2", "prompt": f"job {number}"}
                jobs.append((await first.post("/videos", json=body)).raise_for_status().json()["id"])
            # Its lane is the first node's before the second one is there.
            await until(lambda: _calls(simulator), timeout_s=20, what="the first node to look")
            stack.enter_context(running(two))
            await two.ready()
            followers = [Follower(jobs[number % 3]) for number in range(WATCHERS)]
            async with asyncio.TaskGroup() as group:
                reading = [group.create_task(follower.read(first)) for follower in followers]
                await asyncio.sleep(1.0)  # in the middle of the jobs
                told_at = boottime()
                one.signal(signal.SIGTERM)
                answers = group.create_task(_turned_away(one.url, key))
                async with asyncio.timeout(20):
                    await asyncio.wait(reading)
            code = await asyncio.to_thread(one.wait, 20)
            took_s = boottime() - told_at
            seen = await _calls(simulator)

            async def is_looked_at() -> bool:
                return await _calls(simulator) > seen

            await until(is_looked_at, timeout_s=LEASE_S / 2, what="the second node to take the lane")
            async with asyncio.TaskGroup() as group:
                for follower in followers:
                    group.create_task(follower.read(second))
            final = [(await second.get(f"/videos/{job_id}")).json() for job_id in jobs]
        creations = await simulator.creations()
    assert code == 0
    assert took_s < 5.5, one.log.read_text()[-2000:]
    assert "Stopping took too long" not in one.log.read_text()
    for answer in answers.result():
        assert answer.status_code == 503, answer.text
        assert answer.headers["connection"] == "close"
        assert "stop" in answer.text
        if answer.request.method == "POST":
            assert answer.headers["retry-after"] == "1"
            assert answer.json()["error"]["code"] == "server_stopping"
    for follower in followers:
        assert follower.parts[0].endswith("retry: 1000\nevent: ping\ndata: {}\n\n"), follower.parts[0][-300:]
        numbers = [number for number, _ in follower.events]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        names = [name for _, name in follower.events]
        assert names[-1] == "video.completed"
        assert "snapshot" not in names
    assert [job["status"] for job in final] == ["completed"] * 3
    assert len(creations) == 3


async def test_hanging_calls_do_not_hold_it_up(tmp_path: Path) -> None:
    """A creation and a look without an answer end with the node; the task that was made is kept, once."""
    simulator = Simulator(tmp_path / "simulator")
    gateway = Gateway(tmp_path / "gateway", simulator)
    with running(simulator, gateway):
        await simulator.ready()
        await gateway.ready()
        gateway.add_accounts((await simulator.tokens())[:1])
        async with gateway.client(gateway.new_key()) as client:
            await simulator.post("faults", {"kind": "hang", "route": "POST /nf/create"})
            body = {"model": "sora_video2", "prompt": "a boat"}
            job_id = (await client.post("/videos", json=body)).raise_for_status().json()["id"]
            await until(simulator.creations, timeout_s=20, what="the call that hangs")
            await simulator.post("faults", {"kind": "stall", "route": "GET /nf/pending/v2", "times": None})

            async def is_stalled() -> bool:
                rules = (await simulator.get("faults"))["items"]
                return any(rule["kind"] == "stall" and rule["struck"] for rule in rules)

            await until(is_stalled, timeout_s=20, what="the look that hangs")
            told_at = boottime()
            gateway.signal(signal.SIGTERM)
            code = await asyncio.to_thread(gateway.wait, 20)
            took_s = boottime() - told_at
            async with httpx2.AsyncClient(base_url=simulator.url) as control:
                await control.delete("/simulator/faults")
            gateway.start()
            await gateway.ready()

            async def is_done() -> bool:
                return bool((await client.get(f"/videos/{job_id}")).json()["status"] == "completed")

            await until(is_done, timeout_s=40, what="the job to go on")
        creations = await simulator.creations()
    assert (code, len(creations)) == (0, 1)
    assert took_s < 5.5
    assert "Stopping took too long" not in gateway.log.read_text()
