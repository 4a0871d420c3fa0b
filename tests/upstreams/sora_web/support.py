"""Builders and a scripted TCP server for the tests of the Sora web backend."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sora_gateway.domain.accounts import Account, Credential
from sora_gateway.domain.media import Aspect, Blob, MediaKind
from sora_gateway.domain.model_names import Family
from sora_gateway.domain.remote import RemoteJob, Sent, Ticket
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.kit.clock import boottime
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.upstream import InputFile, StepLostError
from sora_gateway.upstreams.sora_web.config import SoraWebConfig
from sora_gateway.upstreams.sora_web.wire import Answer

SAMPLES = Path(__file__).parents[2] / "samples" / "sora_web"
NOW = 1_790_000_000.0


def sample(name: str) -> Any:
    """Return a sample of the protocol document."""
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def answer_of(value: Any, status: int = 200, **headers: str) -> Answer:
    body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
    return Answer(status=status, headers=headers, body=body)


def video(prompt: str = "a paper boat", **more: Any) -> GenerationRequest:
    fields: dict[str, Any] = {
        "kind": MediaKind.VIDEO,
        "family": Family.VIDEO2,
        "model": "sora_video2",
        "prompt": prompt,
        "aspect": Aspect.PORTRAIT,
        "duration_s": 10,
    }
    return GenerationRequest(**(fields | more))


def legacy(prompt: str = "a paper boat", **more: Any) -> GenerationRequest:
    return video(prompt, **({"family": Family.VIDEO, "model": "sora_video"} | more))


def image(prompt: str = "a cat", **more: Any) -> GenerationRequest:
    fields: dict[str, Any] = {
        "kind": MediaKind.IMAGE,
        "family": Family.IMAGE,
        "model": "sora_image",
        "prompt": prompt,
        "aspect": Aspect.SQUARE,
    }
    return GenerationRequest(**(fields | more))


def file_of(data: bytes) -> InputFile:
    """Return ``data`` as a vault gives it, in two pieces."""

    async def pieces() -> AsyncIterator[bytes]:
        yield data[:1]
        yield data[1:]

    return InputFile(pieces=pieces(), size_bytes=len(data))


def blob(name: str = "in/1", media_type: str = "image/png") -> Blob:
    return Blob(name=name, media_type=media_type, size_bytes=4, digest="0" * 64)


def account(name: str = "one", token: str = "tok-one", **more: Any) -> Account:
    return Account(
        id=f"sora_web:user-{name}",
        upstream="sora_web",
        backend_id=f"user-{name}",
        credential=Credential(access_token=Secret(token)),
        **more,
    )


def ticket(ticket_id: str = "t1", job_id: str = "job_1", *, in_s: float = 5.0) -> Ticket:
    return Ticket(
        id=ticket_id, job_id=job_id, marker=f"sg-{job_id}-{ticket_id}", send_before=boottime() + in_s
    )


def job(task_id: str, kind: MediaKind = MediaKind.VIDEO, started_at: float = NOW) -> RemoteJob:
    return RemoteJob(id=task_id, job_id=f"job-of-{task_id}", kind=kind, started_at=started_at)


def sent(request: GenerationRequest, ticket_id: str = "t1", **more: Any) -> Sent:
    fields: dict[str, Any] = {
        "job_id": "job_1",
        "ticket_id": ticket_id,
        "marker": f"sg-job_1-{ticket_id}",
        "request": request,
        "prepared": {},
        "sent_at": NOW,
        "known": frozenset(),
        "is_marker_echoed": None,
    }
    return Sent(**(fields | more))


QUICK: dict[str, Any] = {
    "recheck_over_s": 0.0,
    "publish_pauses_s": (0.0, 0.0, 0.0, 0.0),
    "character_poll_s": 0.0,
}
"""Settings without which tests would wait."""


@dataclass
class Notes:
    """A notebook in memory. ``is_lost``: the job is not at this step any more."""

    known: dict[str, str] = field(default_factory=dict)
    is_pinned: bool = False
    is_lost: bool = False

    async def write(self, notes: Mapping[str, str], *, is_pinned: bool = False) -> None:
        if self.is_lost:
            raise StepLostError
        self.known |= notes
        self.is_pinned = self.is_pinned or is_pinned


@dataclass
class Heard:
    """One HTTP request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.line.split(" ")[1]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Server:
    """A TCP server whose every connection follows the test's script."""

    port: int
    connections: int = 0
    heard: list[Heard] = field(default_factory=list)
    raw: bytes = b""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def config(self, **more: Any) -> SoraWebConfig:
        return SoraWebConfig(**({"base_url": f"{self.url}/backend"} | QUICK | more))

    async def hear(self, reader: asyncio.StreamReader) -> Heard:
        """Read one whole request.

        Raises:
            asyncio.IncompleteReadError: the client closed instead.
        """
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *rows = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rows)}
        heard = Heard(line, headers, await reader.readexactly(int(headers.get("content-length", "0"))))
        self.heard.append(heard)
        return heard


Script = Callable[[Server, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def http(value: Any, status: int = 200, *, length: int | None = None, **headers: str) -> bytes:
    """Return an answer's bytes; ``length`` promises more than there is."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    names = {"content_type": "application/json", "content_length": str(length or len(body))} | headers
    lines = [f"{name.replace('_', '-')}: {text}" for name, text in names.items()]
    return (f"HTTP/1.1 {status} X\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode() + body


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[Server]:
    """Serve on a free port of the loopback until the block ends."""
    handlers: set[asyncio.Task[Any]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        server.connections += 1
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                await script(server, reader, writer)
        finally:
            handlers.discard(task)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    server = Server(port=listener.sockets[0].getsockname()[1])
    try:
        yield server
    finally:
        listener.close()
        for task in list(handlers):
            task.cancel()
        if handlers:
            await asyncio.wait(handlers)
        await listener.wait_closed()


def answering(*answers: bytes | Callable[[Heard], bytes]) -> Script:
    """Return a script that answers every request with the next answer, over and over, keeping alive."""
    counter = iter(range(10**9))

    async def script(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heard = await server.hear(reader)
            reply = answers[min(next(counter), len(answers) - 1)]
            writer.write(reply(heard) if callable(reply) else reply)
            await writer.drain()

    return script


def routing(**pages: Any) -> Script:
    """Return a script that answers by the last part of the path: ``v2``, ``drafts``, ``recent_tasks``, …"""

    def reply(heard: Heard) -> bytes:
        path = heard.path.partition("?")[0].removeprefix("/backend")
        name = path.strip("/").replace("/", "_").replace("project_y_profile_", "")
        page = pages.get(name)
        if callable(page):
            page = page(heard)
        if isinstance(page, bytes):
            return page
        return http({"error": {"message": "Not found."}}, 404) if page is None else http(page)

    return answering(reply)
