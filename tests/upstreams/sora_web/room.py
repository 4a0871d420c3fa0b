"""A simulated backend with the adapter before it, and a second client that is not ours."""

from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from PIL import Image

from sora_gateway.domain.accounts import Account, Credential
from sora_gateway.domain.media import Blob, MediaKind
from sora_gateway.domain.remote import (
    Accepted,
    RemoteFailed,
    RemoteJob,
    RemoteOutput,
    RemoteStatus,
    RemoteSucceeded,
)
from sora_gateway.domain.requests import GenerationRequest, Source
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.upstream import InputFile
from sora_gateway.simulator.scenario import Scenario, load_scenario
from sora_gateway.simulator.server import SimulatorAddress, SimulatorConfig, serve
from sora_gateway.upstreams.sora_web.config import SoraWebConfig
from sora_gateway.upstreams.sora_web.upstream import SoraWeb
from tests.upstreams.sora_web.support import QUICK, Notes, file_of, ticket, video

NONE: frozenset[MediaKind] = frozenset()
START = 1_790_000_000.0
_COUNTER = itertools.count()


class Clock:
    """One wall clock for both sides, moved by the test."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> float:
        return self.at


class Inputs:
    """A vault full of small pictures; ``clips`` by their names."""

    def __init__(self, **clips: bytes) -> None:
        self.clips = clips

    def file(self, blob: Blob) -> InputFile:
        if blob.name in self.clips:
            return file_of(self.clips[blob.name])
        buffer = io.BytesIO()
        Image.new("RGB", (64, 48), "red").save(buffer, "PNG")
        return file_of(buffer.getvalue())


@dataclass
class Room:
    """A simulated backend, the adapter, and a second client that is not ours."""

    address: SimulatorAddress
    backend: SoraWeb
    http: httpx2.AsyncClient
    clock: Clock

    def account(self, name: str = "pro") -> Account:
        row = next(row for row in self.address.accounts if row["name"] == name)
        return Account(
            id=f"sora_web:{row['user_id']}",
            upstream="sora_web",
            backend_id=row["user_id"],
            credential=Credential(access_token=Secret(row["access_token"])),
        )

    async def fault(self, kind: str, route: str, **more: Any) -> None:
        answer = await self.http.post("/simulator/faults", json={"kind": kind, "route": route} | more)
        assert answer.status_code == 201, answer.text

    async def ledger(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = (await self.http.get("/simulator/ledger")).json()["items"]
        return rows

    async def counts(self) -> dict[str, int]:
        """Return calls per route since the last look."""
        rows = (await self.http.get("/simulator/counts", params={"reset": 1})).json()["items"]
        totals: dict[str, int] = {}
        for row in rows:
            totals[row["route"]] = totals.get(row["route"], 0) + row["calls"]
        return totals

    async def foreign(self, path: str, body: dict[str, Any], name: str = "pro") -> str:
        token = self.account(name).credential.access_token.reveal()
        headers = {"authorization": f"Bearer {token}", "openai-sentinel-token": "ok"}
        answer = await self.http.post(f"/backend{path}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        task_id: str = answer.json()["id"]
        return task_id

    async def start(self, request: GenerationRequest, name: str = "pro", ticket_id: str = "t1") -> RemoteJob:
        who = self.account(name)
        prepared = await self.backend.prepare(request, who, Inputs(), Notes())
        outcome = await self.backend.submit(request, prepared, who, ticket(ticket_id))
        assert isinstance(outcome, Accepted), outcome
        return RemoteJob(id=outcome.remote_id, job_id="job_1", kind=request.kind, started_at=self.clock())

    async def status(self, job: RemoteJob, name: str = "pro") -> RemoteStatus | None:
        return (await self.backend.observe([job], self.account(name), NONE)).statuses.get(job.id)

    async def end(self, job: RemoteJob, name: str = "pro") -> RemoteStatus:
        """Move the clock until the task has ended."""
        for _ in range(60):
            status = await self.status(job, name)
            if isinstance(status, RemoteSucceeded | RemoteFailed):
                return status
            self.clock.at += 10
        raise AssertionError("the task did not end")

    async def source(self, request: GenerationRequest | None = None, name: str = "pro") -> Source:
        """Make a video that others can start from."""
        job = await self.start(request or video("the first"), name, f"source-{next(_COUNTER)}")
        status = await self.end(job, name)
        assert isinstance(status, RemoteSucceeded), status
        (output,) = status.outputs
        assert output.result_id is not None
        seconds = round(output.duration_s or 0)
        who = self.account(name).id
        return Source(job_id=job.id, account_id=who, result_id=output.result_id, total_s=seconds)

    async def get(self, path: str, name: str = "pro") -> Any:
        """Return what another client of the same account is told."""
        token = self.account(name).credential.access_token.reveal()
        answer = await self.http.get(f"/backend{path}", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def content(self, output: RemoteOutput, name: str = "pro") -> bytes:
        async with self.backend.fetch(output, self.account(name)) as body:
            return b"".join([piece async for piece in body.chunks()])


def scenario(**changes: Any) -> Scenario:
    data = load_scenario("normal").model_dump(mode="json")
    data["limits"] |= {"video_concurrency": 40, "image_concurrency": 40}
    for name, value in changes.items():
        data[name] = data[name] | value
    return Scenario.model_validate(data)


@asynccontextmanager
async def running(settings: dict[str, Any] | None = None, **changes: Any) -> AsyncIterator[Room]:
    """Run a backend whose scenario is ``normal`` with ``changes``, and an adapter with ``settings``."""
    clock = Clock()
    ready: asyncio.Future[SimulatorAddress] = asyncio.get_running_loop().create_future()
    config = SimulatorConfig(port=0, scenario=scenario(**changes))
    async with asyncio.TaskGroup() as group:
        server = group.create_task(serve(config, on_ready=ready.set_result, now=clock))
        address = await ready
        fields = {"base_url": f"{address.base_url}/backend", "sentinel_token": Secret("ok")} | QUICK
        backend = SoraWeb(SoraWebConfig(**(fields | (settings or {}))), now=clock)
        try:
            async with httpx2.AsyncClient(base_url=address.base_url, trust_env=False) as http:
                yield Room(address, backend, http, clock)
        finally:
            await backend.aclose()
            server.cancel()
