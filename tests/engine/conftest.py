"""An engine with a real store and vault, and a backend that does what the test says."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sora_gateway.domain.accounts import Account, AccountFacts, Credential, Plan
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job, Limits
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.remote import (
    Accepted,
    Finding,
    Listed,
    NotSeen,
    Observed,
    RemoteJob,
    RemoteOutput,
    RemoteQueued,
    RemoteStatus,
    Sent,
    Submission,
    Ticket,
)
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.engine.config import EngineConfig
from sora_gateway.engine.hub import Hub
from sora_gateway.engine.inputs import Inputs
from sora_gateway.engine.pool import AccountPool
from sora_gateway.engine.records import Records
from sora_gateway.engine.tools import NodeTools
from sora_gateway.kit.redact import Secret
from sora_gateway.media.derive import LocalMediaTools
from sora_gateway.media.vault import LocalVault
from sora_gateway.ports.stores import Store
from sora_gateway.ports.upstream import AfterAbsence, InputReader, ListPolling, NeverResend
from tests.conftest_store import NOW, server_path, store

__all__ = ["server_path", "store"]

ACCOUNT = "scripted:user-1"


@dataclass
class Clock:
    """Wall time that moves only when a test says so."""

    now_s: float = NOW

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Body:
    """A file of the scripted backend."""

    data: bytes
    media_type: str | None = None

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.data


@dataclass
class Scripted:
    """A backend whose answers are attributes."""

    name: str = "scripted"
    polling: ListPolling = field(default_factory=lambda: ListPolling(fast_s=0.02, slow_s=0.02))
    resend: AfterAbsence | NeverResend = field(
        default_factory=lambda: AfterAbsence(reads=2, over_s=10, answer_s=60)
    )
    outcome: Callable[[Ticket], Awaitable[Submission]] | Submission = field(
        default_factory=lambda: Accepted(remote_id="task_1")
    )
    statuses: dict[str, RemoteStatus] = field(default_factory=dict)
    listed: dict[str, Listed] = field(default_factory=dict)
    finding: Finding = field(default_factory=NotSeen)
    files: dict[str, bytes] = field(default_factory=dict)
    unreadable: GatewayError | None = None
    prepare_error: GatewayError | None = None
    check_error: GatewayError | None = None
    tickets: list[Ticket] = field(default_factory=list)
    sought: list[Sent] = field(default_factory=list)
    looks: int = 0

    def lacks(self, request: GenerationRequest) -> str | None:
        return "no styles here" if request.style else None

    def fingerprint(self, request: GenerationRequest) -> str:
        return request.prompt

    async def prepare(
        self, request: GenerationRequest, account: Account, inputs: InputReader
    ) -> Mapping[str, str]:
        if self.prepare_error is not None:
            raise self.prepare_error
        return {str(number): str(len(await inputs.read(blob))) for number, blob in enumerate(request.inputs)}

    async def submit(
        self, request: GenerationRequest, prepared: Mapping[str, str], account: Account, ticket: Ticket
    ) -> Submission:
        self.tickets.append(ticket)
        return self.outcome if not callable(self.outcome) else await self.outcome(ticket)

    async def find(self, sent: Sequence[Sent], account: Account) -> Mapping[str, Finding]:
        self.sought.extend(sent)
        return {item.ticket_id: self.finding for item in sent}

    async def observe(
        self, jobs: Sequence[RemoteJob], account: Account, kinds: frozenset[MediaKind]
    ) -> Observed:
        self.looks += 1
        if self.unreadable is not None:
            raise self.unreadable
        statuses = {job.id: self.statuses.get(job.id, RemoteQueued()) for job in jobs}
        return Observed(statuses=statuses, listed=dict(self.listed), read=frozenset(MediaKind))

    @asynccontextmanager
    async def fetch(self, output: RemoteOutput, account: Account) -> AsyncIterator[Body]:
        if output.url not in self.files:
            raise GatewayError(ErrorKind.EXPIRED, "The link is dead.")
        yield Body(self.files[output.url])

    async def cancel(self, job: RemoteJob, account: Account) -> bool:
        return False

    async def check(self, credential: Credential) -> AccountFacts:
        if self.check_error is not None:
            raise self.check_error
        return AccountFacts(backend_id="user-1", email=None, plan=Plan.PLUS, expires_at=None)

    async def aclose(self) -> None:
        return None


class NoFetcher:
    """Nothing is fetched in these tests."""

    async def fetch(self, url: str, *, limit_bytes: int, param: str) -> bytes:
        raise GatewayError(ErrorKind.INVALID_REQUEST, f"not fetched: {url}", param=param)


def png(colour: str = "red", size: tuple[int, int] = (32, 24)) -> bytes:
    """Return a picture."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def upstream() -> Scripted:
    return Scripted()


@pytest.fixture
def media() -> LocalMediaTools:
    return LocalMediaTools()


@pytest.fixture
async def tools(
    store: Store, upstream: Scripted, clock: Clock, media: LocalMediaTools, tmp_path: Path
) -> NodeTools:
    """What a node works with; one account of the scripted backend is there."""
    vault = LocalVault(tmp_path / "vault")
    await vault.open()
    config = EngineConfig(limits=Limits(), shutdown_grace_s=0.2)
    account = Account(
        id=ACCOUNT,
        upstream="scripted",
        backend_id="user-1",
        credential=Credential(access_token=Secret("token")),
        plan=Plan.PLUS,
        created_at=NOW,
    )
    await store.accounts.put(account)
    return NodeTools(
        upstreams={"scripted": upstream},
        pool=AccountPool(store.accounts, clock),
        jobs=store.jobs,
        lanes=store.lanes,
        records=Records(store.jobs, clock, config.limits),
        config=config,
        now=clock,
        inputs=Inputs(vault, media, NoFetcher(), lambda text, limit, param: None, 10_000_000),
        vault=vault,
        submissions=asyncio.Semaphore(8),
    )


@pytest.fixture
async def hub(store: Store) -> AsyncIterator[Hub]:
    """A hub that runs."""
    made = Hub(store.feed)
    await made.start()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(made.run())
        yield made
        task.cancel()


async def eventually(store: Store, job_id: str, condition: Callable[[Job], Any], within_s: float = 5) -> Job:
    """Return the job once ``condition`` holds; fail after ``within_s``."""
    async with asyncio.timeout(within_s):
        while True:
            job = await store.jobs.get(job_id)
            if job is not None and condition(job):
                return job
            await asyncio.sleep(0.005)  # the store wakes nobody in these tests


async def true_soon(condition: Callable[[], Any]) -> None:
    """Return once ``condition`` holds; fail after five seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nothing tells when the lane has gone round once more
            await asyncio.sleep(0.005)


def asking(job: Job, **changes: Any) -> Job:
    """Return ``job`` with its request changed."""
    return replace(job, request=replace(job.request, **changes))
