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
from sora_gateway.domain.advance import Limits
from sora_gateway.domain.characters import MadeCharacter
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job
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
from sora_gateway.domain.requests import Clip, GenerationRequest
from sora_gateway.engine.config import EngineConfig
from sora_gateway.engine.hub import Hub
from sora_gateway.engine.inputs import Inputs
from sora_gateway.engine.pool import AccountPool
from sora_gateway.engine.records import Records
from sora_gateway.engine.renewals import Renewals
from sora_gateway.engine.tools import NodeTools
from sora_gateway.kit.redact import Secret
from sora_gateway.media.derive import LocalMediaTools
from sora_gateway.media.vault import LocalVault
from sora_gateway.ports.stores import Store
from sora_gateway.ports.upstream import AfterAbsence, InputReader, ListPolling, NeverResend, Notebook
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


def _open() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


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
    good_tokens: set[str] | None = None
    owners: dict[str, str] = field(default_factory=dict)
    checked: list[str] = field(default_factory=list)
    renew_error: GatewayError | None = None
    renewing: asyncio.Event | None = None
    renewals: list[Credential] = field(default_factory=list)
    tickets: list[Ticket] = field(default_factory=list)
    sought: list[Sent] = field(default_factory=list)
    looks: int = 0
    clips: list[Clip] = field(default_factory=list)
    prepared: list[GenerationRequest] = field(default_factory=list)
    character_name: str = "rusty"
    character_errors: list[GatewayError] = field(default_factory=list)
    finish_character: asyncio.Event = field(default_factory=_open)
    deleted_characters: list[tuple[str, str]] = field(default_factory=list)
    abandoned: list[dict[str, str]] = field(default_factory=list)
    enhanced: list[str] = field(default_factory=list)
    enhance_errors: list[GatewayError] = field(default_factory=list)

    def lacks(self, request: GenerationRequest) -> str | None:
        return "no styles here" if request.style else None

    def fingerprint(self, request: GenerationRequest) -> str:
        return request.prompt

    def describe(self, request: GenerationRequest) -> Mapping[str, object]:
        return {"method": "POST", "path": "/create", "body": {"prompt": request.prompt}}

    async def make_character(
        self, clip: Clip, name: str | None, account: Account, inputs: InputReader, notebook: Notebook
    ) -> MadeCharacter:
        if "clip" not in notebook.known:
            await notebook.write({"clip": f"{clip.start_s:g}-{clip.end_s:g}"})
        self.clips.append(clip)
        if self.character_errors:
            raise self.character_errors.pop(0)
        await self.finish_character.wait()
        return MadeCharacter(backend_id=f"ch_{len(self.clips)}", username=f"{self.character_name}")

    async def abandon_character(self, clip: Clip, account: Account, notebook: Notebook) -> None:
        self.abandoned.append(dict(notebook.known))

    async def delete_character(self, backend_id: str, account: Account) -> None:
        self.deleted_characters.append((account.id, backend_id))

    async def enhance(self, prompt: str, level: str, duration_s: int, account: Account) -> str:
        self.enhanced.append(account.id)
        if self.enhance_errors:
            raise self.enhance_errors.pop(0)
        return f"{level} {duration_s}: {prompt}, in golden light"

    async def prepare(
        self, request: GenerationRequest, account: Account, inputs: InputReader, notebook: Notebook
    ) -> Mapping[str, str]:
        self.prepared.append(request)
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

    async def check(self, credential: Credential, proxy: Secret | None = None) -> AccountFacts:
        self.checked.append(credential.access_token.reveal())
        if self.check_error is not None:
            raise self.check_error
        if self.good_tokens is not None and credential.access_token.reveal() not in self.good_tokens:
            raise GatewayError(ErrorKind.ACCOUNT_AUTH, "401")
        backend_id = self.owners.get(credential.access_token.reveal(), "user-1")
        return AccountFacts(backend_id=backend_id, email=None, plan=Plan.PLUS, expires_at=None)

    async def renew(self, credential: Credential, proxy: Secret | None) -> Credential:
        self.renewals.append(credential)
        if self.renewing is not None:
            await self.renewing.wait()
        if self.renew_error is not None:
            raise self.renew_error
        version = credential.version + 1
        refresh_token = Secret(f"rt_{version}") if credential.refresh_token is not None else None
        return replace(
            credential, access_token=Secret(f"token-{version}"), refresh_token=refresh_token, version=version
        )

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
) -> AsyncIterator[NodeTools]:
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
    upstreams = {"scripted": upstream}
    pool = AccountPool(store.accounts, clock)
    async with Renewals(pool, upstreams, config, clock) as renewals:
        yield NodeTools(
            upstreams=upstreams,
            pool=pool,
            renewals=renewals,
            jobs=store.jobs,
            lanes=store.lanes,
            characters=store.characters,
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
