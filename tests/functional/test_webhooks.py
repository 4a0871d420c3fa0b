"""Events arrive whatever happens to the nodes, and never at addresses that callers must not reach."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.functional.harness import Gateway, Simulator, running, until
from tests.functional.stage import staged
from tests.functional.test_two_nodes import Redis

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

JOBS = 5
VIDEO = {"model": "sora_video2", "prompt": "x"}
SOON = {"SORA_GATEWAY_WEBHOOK_DELAYS_S": "0.5,0.5,1,1,2,2,5,5,5,5,5,5"}


@dataclass
class Receiver:
    """A caller's server: the first two posts of each event fail, the very first is not even answered."""

    port: int = 0
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    accepted: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hooks"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            headers = {name.lower(): value for name, value in headers.items()}
            body = await reader.readexactly(int(headers["content-length"]))
            name = headers["webhook-id"]
            self.posts.append((headers, body))
            self.seen[name] += 1
            if not self.arrived.is_set():
                self.arrived.set()
                await reader.read()  # until whoever sent it is gone
            elif self.seen[name] <= 2:
                writer.write(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n")
            else:
                self.accepted[name] += 1
                writer.write(b"HTTP/1.1 204 Done\r\n\r\n")
            await writer.drain()
        writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver


async def test_events_survive_a_kill(tmp_path: Path) -> None:
    """A node dies in the middle of its first post: all events arrive by the other one, each under one id."""
    simulator = Simulator(tmp_path / "simulator")
    with contextlib.ExitStack() as stack, Redis(tmp_path / "redis") as redis:
        shared = {
            "REDIS_URL": redis.url,
            "SORA_GATEWAY_SECRET_KEY": "a secret of this test",
            "SORA_GATEWAY_MEDIA_DIR": str(tmp_path / "media"),
            "SORA_GATEWAY_FETCH_ALLOW_PRIVATE": "true",
            **SOON,
        }
        one = Gateway(tmp_path / "one", simulator, **shared)
        two = Gateway(tmp_path / "two", simulator, **shared)
        with running(simulator, one):
            await simulator.ready()
            await one.ready()
            one.add_accounts(await simulator.tokens())
            key = one.new_key()
            async with receiving() as receiver, one.client(key) as client:
                sdk = openai.AsyncOpenAI(api_key=key, base_url=f"{one.url}/sora/v1")
                types: Any = ["video.completed", "video.failed"]
                endpoint = await sdk.webhooks.create(name="mine", url=receiver.url, event_types=types)
                await sdk.close()
                ids = [(await client.post("/videos", json=VIDEO)).json()["id"] for _ in range(JOBS)]
                async with asyncio.timeout(40):
                    await receiver.arrived.wait()
                one.kill()
                stack.enter_context(running(two))
                await two.ready()
                expected = {f"evt_{job_id.partition('_')[2]}" for job_id in ids}

                async def all_arrived() -> bool:
                    return set(receiver.accepted) == expected

                await until(all_arrived, timeout_s=60, what="all events to arrive")
                before = receiver.accepted.copy()
                two.run("webhook", "replay", ids[0])
                event_id = f"evt_{ids[0].partition('_')[2]}"

                async def came_again() -> bool:
                    return receiver.accepted[event_id] > before[event_id]

                await until(came_again, timeout_s=15, what="the replayed event")
                deliveries = json.loads(two.run("webhook", "deliveries", "--job", ids[1], "--json"))
    told = set()
    for headers, body in receiver.posts:
        event = openai.OpenAI(api_key="x").webhooks
        event.verify_signature(body, headers, secret=endpoint.signing_secret)
        content = json.loads(body)
        assert content["id"] == headers["webhook-id"]
        told.add((content["id"], content["type"], content["data"]["id"]))
    assert told == {(f"evt_{job_id.partition('_')[2]}", "video.completed", job_id) for job_id in ids}
    ((delivery),) = deliveries
    assert delivery["state"] == "delivered"
    assert [row["status"] for row in delivery["tries"]][-1] == 204


async def test_private_addresses_are_refused(tmp_path: Path) -> None:
    """Neither a test nor an event reaches a loopback server; the operator sees why."""
    async with receiving() as receiver, staged(tmp_path, **SOON) as (_, gateway):
        async with gateway.client(gateway.new_key()) as client:
            fields = {"name": "mine", "url": receiver.url, "event_types": ["video.completed"]}
            endpoint = (await client.post("/webhook_endpoints", json=fields)).json()
            path = f"/webhook_endpoints/{endpoint['id']}/test"
            answer = await client.post(path, json={"event_type": "video.completed"})
            assert (answer.status_code, "public internet" in answer.text) == (400, True)
            made = (await client.post("/videos", json={**VIDEO, "webhook_url": receiver.url})).json()

            async def tried() -> list[dict[str, Any]]:
                found = json.loads(gateway.run("webhook", "deliveries", "--job", made["id"], "--json"))
                return found if found and all(row["tries"] for row in found) else []

            deliveries = await until(tried, timeout_s=40, what="deliveries to be tried")
        assert {row["endpoint_id"] for row in deliveries} == {endpoint["id"], None}
        assert all("public internet" in row["tries"][-1]["error"] for row in deliveries)
        assert "failing since" in gateway.run("webhook", "list")
    assert receiver.posts == []
