"""Whatever befalls the store: requests are told to come again, jobs go on, nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from sora_gateway.kit.clock import boottime
from tests.functional.harness import Gateway, Simulator, running, until
from tests.functional.store_groups import Server, clustered, data_server, started, watched

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

LONGEST_ANSWER_S = 9.0
"""Three tries of two and a half seconds, and what a busy machine adds."""
VISITORS = 10
MOST_CONNECTIONS = 80
MOST_COMMANDS = 3000
VIDEO = [
    {"status": "queued", "seconds": 0.3},
    {"status": "running", "seconds": 3.0, "progress_from": 0.1, "progress_to": 0.9},
    {"status": "processing", "seconds": 0.2, "progress_from": 1.0, "progress_to": 1.0},
]


@dataclass
class Caller:
    """Makes videos, and repeats under one key what was refused because of the store."""

    client: httpx2.AsyncClient
    ids: dict[str, str] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    longest_s: float = 0.0

    async def create(self, prompt: str, *, is_repeated: bool = True) -> httpx2.Response:
        """Make one; ``is_repeated``: until it is accepted."""
        while True:
            began_at = boottime()
            answer = await self.client.post(
                "/videos",
                json={"model": "sora_video2", "prompt": prompt},
                headers={"Idempotency-Key": prompt},
            )
            self.longest_s = max(self.longest_s, boottime() - began_at)
            self.statuses[answer.status_code] += 1
            if answer.status_code == 200:
                self.ids[prompt] = answer.json()["id"]
                return answer
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.json()["error"]["code"] == "store_unavailable"
            if not is_repeated:
                return answer
            await asyncio.sleep(0.3)

    async def create_some(self, name: str, number: int) -> None:
        """Make some, one after the other."""
        for one in range(number):
            await self.create(f"{name} {one}")

    async def completed(self, timeout_s: float) -> None:
        """Wait until all are."""

        async def are_completed() -> bool:
            answers = [await self.client.get(f"/videos/{job_id}") for job_id in self.ids.values()]
            return all(one.status_code == 200 and one.json()["status"] == "completed" for one in answers)

        await until(are_completed, timeout_s=timeout_s, what="all jobs to complete")

    async def proved(self, simulator: Simulator, timeout_s: float) -> None:
        """Wait until all are completed, and see that the backend made each once."""
        await self.completed(timeout_s)
        made = Counter(row["prompt"] for row in await simulator.creations())
        assert made == Counter(list(self.ids))


@asynccontextmanager
async def _serving(
    folder: Path, url: str, **variables: str
) -> AsyncIterator[tuple[Caller, Gateway, Simulator]]:
    shapes = [f"{size}-{shape}" for size in ("small", "large") for shape in ("portrait", "landscape")]
    pixels = {shape: {"width_px": 96, "height_px": 96} for shape in shapes}  # quickly drawn
    simulator = Simulator(folder / "simulator", timing__video__phases=VIDEO, limits__video_pixels=pixels)
    gateway = Gateway(
        folder / "gateway",
        simulator,
        REDIS_URL=url,
        SORA_GATEWAY_SECRET_KEY="a secret of this test",
        **variables,
    )
    with running(simulator, gateway):
        await simulator.ready()
        await gateway.ready()
        gateway.add_accounts(await simulator.tokens())
        async with gateway.client(gateway.new_key()) as client:
            yield Caller(client), gateway, simulator


async def _status(gateway: Gateway, path: str) -> int:
    async with httpx2.AsyncClient(timeout=LONGEST_ANSWER_S) as client:
        return (await client.get(f"{gateway.url}{path}")).status_code


async def _ready(gateway: Gateway) -> None:
    async def is_ready() -> bool:
        return await _status(gateway, "/readyz") == 200

    await until(is_ready, timeout_s=20, what="the node to be ready again")


async def test_failover_by_sentinels(tmp_path: Path) -> None:
    """The primary dies with jobs in every phase: what was accepted goes on, each is made once."""
    async with (
        watched(tmp_path / "store") as group,
        _serving(tmp_path, group.url, SORA_GATEWAY_STORE_REPLICAS="1") as (caller, gateway, simulator),
    ):
        await caller.create_some("before", 8)
        group.primary.kill()
        await caller.create_some("meanwhile", 4)
        assert await _status(gateway, "/healthz") == 200
        await group.failed_over()
        await caller.create_some("after", 2)
        await caller.proved(simulator, 60)
        log = gateway.log.read_text()
    assert caller.longest_s < LONGEST_ANSWER_S
    assert "has another server" in log


async def test_failover_in_a_cluster(tmp_path: Path) -> None:
    """The primary of the living state dies; its replica takes over and accepts once it is followed itself."""
    async with (
        clustered(tmp_path / "store") as group,
        _serving(tmp_path, group.url, SORA_GATEWAY_STORE_REPLICAS="1") as (caller, gateway, simulator),
    ):
        place = await group.place_of("{gw}:feed")
        await caller.create_some("before", 8)
        group.primaries[place].kill()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(caller.create_some("meanwhile", 4))
            await group.failed_over(place)
            group.primaries[place].start()
        await caller.create_some("after", 2)
        await caller.proved(simulator, 60)
        assert await _status(gateway, "/readyz") == 200
    assert caller.longest_s < LONGEST_ANSWER_S


async def test_a_full_store(tmp_path: Path) -> None:
    """Creations are refused, readings go on, and what runs is finished when there is room again."""
    server = data_server(tmp_path / "store")
    async with started(server), _serving(tmp_path, server.url) as (caller, _, simulator):
        await caller.create_some("before", 3)
        used = (await server.info("memory"))["used_memory"]
        await server.ask("CONFIG", "SET", "maxmemory", used // 2)
        refused = await caller.create("too much", is_repeated=False)
        assert refused.status_code == 503
        assert "full" in refused.json()["error"]["message"]
        listed = await caller.client.get("/videos")
        assert listed.status_code == 200
        assert len(listed.json()["data"]) == 3
        for job_id in caller.ids.values():
            assert (await caller.client.get(f"/videos/{job_id}")).status_code == 200
        await asyncio.sleep(3)  # the backend finishes meanwhile, and nobody can write it down
        await server.ask("CONFIG", "SET", "maxmemory", 0)
        await caller.create_some("after", 1)
        await caller.proved(simulator, 40)


async def test_absence(tmp_path: Path) -> None:
    """Slow, hung, gone: told in time, 200 for the process, and no stampede when the server is back."""
    server = data_server(tmp_path / "store")
    async with started(server), _serving(tmp_path, server.url) as (caller, gateway, simulator):
        await caller.create_some("before", 4)
        await server.ask("CLIENT", "PAUSE", 1500)
        await caller.create_some("slow", 2)
        for way, absent_s in (("hung", 5.0), ("gone", 14.0)):
            await caller.create_some(f"before it was {way}", 2)
            count = await _count(server) if way == "hung" else _Count(connections=0, commands=0)
            await _leave(server, way)
            await _visit(caller, gateway, way, absent_s)
            await _return(server, way)
            back_at = boottime()
            await _ready(gateway)
            await asyncio.sleep(max(0.0, back_at + 1.0 - boottime()))
            after = await _count(server)
            # A server that hung finds in its sockets all that came meanwhile.
            assert after.connections - count.connections < MOST_CONNECTIONS
            assert after.commands - count.commands < MOST_COMMANDS
            for number in range(VISITORS):
                await caller.create(f"refused while {way} {number}")
        await caller.create_some("after", 2)
        await caller.proved(simulator, 60)
    assert caller.longest_s < LONGEST_ANSWER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class _Count:
    """What a server counted since its start."""

    connections: int
    commands: int


async def _count(server: Server) -> _Count:
    stats = await server.info("stats")
    return _Count(
        connections=int(stats["total_connections_received"]), commands=int(stats["total_commands_processed"])
    )


async def _leave(server: Server, way: str) -> None:
    if way == "hung":
        server.signal(signal.SIGSTOP)
    else:
        server.kill()


async def _return(server: Server, way: str) -> None:
    if way == "hung":
        server.signal(signal.SIGCONT)
    else:
        server.start()
        await server.ready()


async def _visit(caller: Caller, gateway: Gateway, way: str, absent_s: float) -> None:
    """Send requests while the server is away: all are told to come again, in time."""
    back_at = boottime() + absent_s

    async def come(number: int) -> None:
        while boottime() < back_at:
            refused = await caller.create(f"refused while {way} {number}", is_repeated=False)
            assert refused.status_code == 503
            await asyncio.sleep(0.2)

    async with asyncio.TaskGroup() as tasks:
        for number in range(VISITORS):
            tasks.create_task(come(number))
        await asyncio.sleep(1)
        while boottime() < back_at - 1:
            assert await _status(gateway, "/healthz") == 200
            assert await _status(gateway, "/readyz") == 503
            await asyncio.sleep(0.5)
