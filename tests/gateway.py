"""A gateway for tests: the real HTTP side over a fake engine, on a loopback port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette

from sora_gateway.app import install_surfaces
from sora_gateway.domain.licences import Licence, Permission
from sora_gateway.engine.files import Files
from sora_gateway.engine.inputs import Inputs
from sora_gateway.engine.webhooks import Webhooks
from sora_gateway.licences.keys import hash_key
from sora_gateway.media.links import SignedLinks
from sora_gateway.web.auth import Callers
from sora_gateway.web.state import Services
from sora_gateway.web.streaming import OpenAnswers
from tests.fakes import (
    STARTED_AT,
    FakeCharacters,
    FakeEnhancer,
    FakeFiles,
    FakeGenerations,
    FakeLicences,
    FakeTools,
    FakeUsage,
    FakeVault,
    NoFetcher,
)
from tests.webhook_fakes import FakePoster, FakeWebhooks

KEY = "sg-test-key-of-everything-0000000000000000000000"
CHAT_KEY = "sg-test-key-of-chat-alone-0000000000000000000000"
FILES_S = 1000.0
ANSWER_S = 15.0
AUTH = {"Authorization": f"Bearer {KEY}"}


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    at: float = STARTED_AT

    def __call__(self) -> float:
        return self.at


@dataclass
class Gateway:
    """The application and the fakes behind it. ``url`` is there once it is served."""

    app: FastAPI
    generations: FakeGenerations
    tools: FakeTools
    vault: FakeVault
    licences: FakeLicences
    clock: Clock
    files: FakeFiles
    usage: FakeUsage
    characters: FakeCharacters
    webhooks: FakeWebhooks
    poster: FakePoster
    url: str = "http://gateway"
    server: uvicorn.Server | None = field(default=None, repr=False)


def fresh_app() -> FastAPI:
    """Return an application that a test may change."""
    app = FastAPI(docs_url=None, redoc_url=None)
    install_surfaces(app, max_body_bytes=64 * 2**20)
    return app


_shared_app = cache(fresh_app)  # building one takes longer than most tests


async def build_gateway(folder: Path, *, is_fresh: bool = False, **settings: object) -> Gateway:
    """Wire a gateway; ``settings`` override fields of ``Services``. To change ``app`` take a fresh one."""
    clock, licences, vault = Clock(), FakeLicences(), FakeVault(folder)
    for key, permissions in ((KEY, frozenset(Permission)), (CHAT_KEY, frozenset({Permission.CHAT}))):
        licence = Licence(
            id=f"licence-{len(permissions)}",
            name="test",
            key_hint="sg-…",
            permissions=permissions,
            created_at=STARTED_AT,
        )
        await licences.put(licence, hash_key(key))
    webhooks, poster = FakeWebhooks(), FakePoster()
    generations, tools, files, usage = FakeGenerations(vault), FakeTools(vault), FakeFiles(), FakeUsage()
    characters = FakeCharacters(generations)
    inputs = Inputs(vault, tools, NoFetcher(), lambda text, limit, param: None, 10_000_000)
    services: dict[str, object] = {
        "generations": generations,
        "files": Files(files, vault, inputs, generations, clock, FILES_S),
        "characters": characters,
        "enhancer": FakeEnhancer(),
        "webhooks": Webhooks(webhooks, poster, clock, ANSWER_S),
        "callers": Callers(licences, clock),
        "usage": usage,
        "vault": vault,
        "tools": tools,
        "links": SignedLinks("secret", clock),
        "now": clock,
    }
    app = fresh_app() if is_fresh else _shared_app()
    app.state.open_answers = OpenAnswers()
    app.state.services = Services(**{**services, **settings})  # type: ignore[arg-type]
    return Gateway(
        app=app,
        generations=generations,
        tools=tools,
        vault=vault,
        licences=licences,
        clock=clock,
        files=files,
        usage=usage,
        characters=characters,
        webhooks=webhooks,
        poster=poster,
    )


@asynccontextmanager
async def serving(app: Callable[..., object]) -> AsyncIterator[tuple[str, uvicorn.Server]]:
    """Serve ``app`` by uvicorn on a free loopback port in this loop."""
    if isinstance(app, Starlette):
        app.state.open_answers = OpenAnswers()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, lifespan="off", ws="none", log_config=None
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))  # noqa: TID251 - ends with the block
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.002)
        try:
            yield f"http://127.0.0.1:{port}", server
        finally:
            server.should_exit = True
            if isinstance(app, Starlette):
                app.state.open_answers.end()
            await task


@asynccontextmanager
async def served(folder: Path, **settings: object) -> AsyncIterator[Gateway]:
    """Build a gateway and serve it."""
    gateway = await build_gateway(folder, **settings)
    async with serving(gateway.app) as (url, server):
        gateway.url, gateway.server = url, server
        yield gateway


@asynccontextmanager
async def client_of(gateway: Gateway, key: str | None = KEY) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client that holds ``key``: over the network if the gateway is served, else without."""
    transport = None if gateway.server else httpx2.ASGITransport(gateway.app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx2.AsyncClient(
        base_url=gateway.url, headers=headers, transport=transport, verify=False
    ) as client:
        yield client


@pytest.fixture
async def gateway(tmp_path: Path) -> Gateway:
    """A gateway that is called without a network: whole answers only, no streams."""
    return await build_gateway(tmp_path)


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of ``gateway`` that may do everything."""
    async with client_of(gateway) as client:
        yield client


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway on a loopback port, for streams and hang-ups."""
    async with served(tmp_path) as gateway:
        yield gateway


async def until(is_met: Callable[[], bool]) -> None:
    """Wait until a condition holds that nobody announces; give up after 5 s."""
    async with asyncio.timeout(5):
        while not is_met():  # noqa: ASYNC110 - that is the point
            await asyncio.sleep(0.005)
