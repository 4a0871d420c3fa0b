"""The processes of a run: a store, three nodes with one media folder, and a backend with its own ledger."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import httpx2
import psutil
from redis.asyncio import Redis
from redis.exceptions import RedisError

from sora_gateway.domain import licences
from sora_gateway.domain.accounts import Account, AccountState, Credential, Plan
from sora_gateway.domain.media import MediaKind
from sora_gateway.kit.clock import system_now
from sora_gateway.kit.redact import Secret
from sora_gateway.licences.keys import hash_key
from sora_gateway.stores.embedded import find_binary
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.cipher import FernetCipher
from sora_gateway.stores.redis.connection import connect
from sora_gateway.stores.redis.store import RedisStore
from tests.functional import harness
from tests.functional.chaos.cutting import cut
from tests.functional.chaos.plan import NODES
from tests.functional.chaos.records import Cut
from tests.functional.harness import Gateway, Simulator, answers, free_port, running
from tests.functional.nursery import Nursery

CREATE_TIMEOUT_S, ABSENCE_OVER_S = 4.0, 4.0
LICENCES = 3
SECRET = "a secret of this test"
GATED = 2
"""So many accounts are reached through a gate."""

_START_S = 20.0
_SMALL = {"width_px": 96, "height_px": 96}
_SIZES = ("small", "large")
_BEGIN = [{"status": "preprocessing", "seconds": 0.2}, {"status": "queued", "seconds": 0.3}]


class StoreServer:
    """A server of its own on a port, which keeps every write and says when it was made."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until its data are loaded."""
        words = (
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
            "--aof-timestamp-enabled",
            "yes",
        )
        command = [str(find_binary()), "--port", str(self._port), "--dir", str(self._folder), *words]
        with (self._folder.parent / "store.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        async with asyncio.timeout(_START_S), Redis.from_url(self.url) as client:
            while True:
                assert self._process.returncode is None, "the store did not start"
                with contextlib.suppress(RedisError, OSError):
                    await client.ping()
                    return
                await asyncio.sleep(0.03)

    async def end(self, number: signal.Signals) -> None:
        """End it and wait until it is gone."""
        assert self._process is not None
        self._process.send_signal(number)
        await self._process.wait()

    async def restart(self, number: signal.Signals, down_s: float) -> None:
        """End it, be away for ``down_s``, start it again: nothing is lost."""
        await self.end(number)
        await asyncio.sleep(down_s)
        await self.start()

    async def cut(self, back_s: float, down_s: float) -> Cut | None:
        """The same, but what it wrote in the last ``back_s`` is gone; None: it had written nothing."""
        await self.end(signal.SIGKILL)
        ended_at = system_now()
        loss = cut(self._folder / "appendonlydir", ended_at - back_s)
        await asyncio.sleep(down_s)
        await self.start()
        if loss is None:
            return None
        return Cut(lost_from=loss.since, lost_until=ended_at, over_at=system_now() + 6.0)


@dataclass(slots=True, kw_only=True)
class Node:
    """One gateway process and what is being done to it."""

    gateway: Gateway
    is_up: bool = False
    is_stopped: bool = False
    kills: int = 0
    unasked_ends: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self) -> None:
        """Start it and wait until it answers; one that finds no store for long ends and is started again."""
        while True:
            self.gateway.start()
            try:
                await answers(f"{self.gateway.url}/healthz", self.gateway)
            except AssertionError:
                self.unasked_ends += 1
                self.gateway.kill()
            else:
                self.is_up = True
                return

    async def kill(self, down_s: float) -> None:
        """Kill it and start it again."""
        async with self.lock:
            self.is_up = False
            self.kills += 1
            self.gateway.kill()
            await asyncio.sleep(down_s)
            await self.start()

    async def stop(self, for_s: float) -> None:
        """Let it sleep."""
        async with self.lock:
            self.freeze()
            try:
                await asyncio.sleep(for_s)
            finally:
                self.thaw()

    def freeze(self) -> None:
        """Stop it this very moment."""
        self.is_up, self.is_stopped = False, True
        self.gateway.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.gateway.signal(signal.SIGCONT)
        self.is_up, self.is_stopped = True, False

    def has_port(self, port: int) -> bool:
        """Tell whether a connection of this process has that local port."""
        with contextlib.suppress(psutil.Error):
            found = psutil.Process(self.gateway.pid).net_connections("tcp4")
            return any(one.laddr and one.laddr.port == port for one in found)
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """A key with its quota."""

    id: str
    key: str
    quota: int | None


@dataclass(slots=True, kw_only=True)
class World:
    """Everything that runs."""

    store: StoreServer
    simulator: Simulator
    nodes: list[Node]
    media: Path
    licences: list[Licence] = field(default_factory=list)
    accounts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def gated(self) -> list[str]:
        """The ids of the accounts that are reached through a gate."""
        return [account_id(row) for row in self.accounts[:GATED]]

    async def enrol(self, quota_units: int, gates: list[int]) -> None:
        """Put licences and accounts into the store; the first accounts are reached through ``gates``.

        The last licence has a quota of ``quota_units`` a day. It is known that the accounts show markers, as
        of any that made a video before: where that is not known yet, a lost submission beside a foreign twin
        stays unclear for longer than a run lasts.
        """
        async with RedisStore(connect(self.store.url), cipher=FernetCipher([SECRET])) as store:
            for number in range(LICENCES):
                quota = quota_units if number == LICENCES - 1 else None
                licence = Licence(id=f"lic_{number}", key=f"sg-key-of-the-chaos-{number:030}", quota=quota)
                await store.licences.put(_record_of(licence), hash_key(licence.key))
                self.licences.append(licence)
            for row, port in zip_longest(self.accounts, gates):
                await store.accounts.put(_account_of(row, port))
        async with Redis.from_url(self.store.url) as client:
            for row in self.accounts:
                await client.hset(keys.lane_facts(account_id(row)), "echo", "1")

    async def release_accounts(self) -> None:
        """Make every account ready again, as an operator may: the edge's blocks last for ten minutes."""
        async with RedisStore(connect(self.store.url), cipher=FernetCipher([SECRET])) as store:
            for account in await store.accounts.all():
                await store.accounts.put(replace(account, state=AccountState.READY, reason=None, until=None))


def _record_of(licence: Licence) -> licences.Licence:
    return licences.Licence(
        id=licence.id,
        name=licence.id,
        key_hint="…",
        permissions=frozenset(licences.Permission),
        created_at=system_now(),
        bounds=licences.Bounds(daily_units=licence.quota),
    )


def _account_of(row: Mapping[str, Any], port: int | None) -> Account:
    return Account(
        id=account_id(row),
        upstream="sora_web",
        backend_id=row["user_id"],
        credential=Credential(access_token=Secret(row["access_token"])),
        name=row["name"],
        plan=Plan.PLUS,
        slots={MediaKind.VIDEO: 3, MediaKind.IMAGE: 3},
        created_at=system_now(),
        proxy=Secret(f"socks5://127.0.0.1:{port}") if port is not None else None,
    )


def account_id(row: Mapping[str, Any]) -> str:
    """Return the gateway's id of an account of the backend."""
    return f"sora_web:{row['user_id']}"


@asynccontextmanager
async def world(folder: Path, *, accounts: int, is_lagging: bool = False) -> AsyncIterator[World]:
    """Run store, backend and nodes; everything is ended with the block.

    ``is_lagging``: the backend shows new tasks only long after the time in which they are looked for.
    """
    hidden_s = 1.5 * (ABSENCE_OVER_S + CREATE_TIMEOUT_S) if is_lagging else 0.0
    # What is over shows among the results: to be overlooked, a task has to run for longer than it is hidden.
    life_s = hidden_s + 6.0 if is_lagging else 2.0
    phases = [*_BEGIN, {"status": "running", "seconds": life_s, "progress_from": 0.1, "progress_to": 0.9}]
    simulator = Simulator(
        folder / "simulator",
        timing__video__phases=phases,
        timing__video__jitter=0.0 if is_lagging else 0.5,
        timing__video__hidden_s=hidden_s,
        # Nobody may look at an account for as long as a lease and a silent list last together.
        timing__video__failed_listed_s=120.0,
        timing__image__failed_listed_s=120.0,
        limits__video_pixels={
            f"{size}-{shape}": _SMALL for size in _SIZES for shape in ("portrait", "landscape")
        },
        limits__image_pixels=dict.fromkeys(("square", "landscape", "portrait"), _SMALL),
        limits__image_concurrency=3,
        accounts=[
            {"name": f"night-{number}", "plan": "plus", "video_quota": 100_000, "image_quota": 100_000}
            for number in range(accounts)
        ],
    )
    store = StoreServer(folder / "store")
    shared = {
        "REDIS_URL": store.url,
        "SORA_GATEWAY_SECRET_KEY": SECRET,
        "SORA_GATEWAY_MEDIA_DIR": str(folder / "media"),
        "SORA_GATEWAY_SORA_WEB_CREATE_TIMEOUT_S": str(CREATE_TIMEOUT_S),
        "SORA_GATEWAY_SORA_WEB_ABSENCE_OVER_S": str(ABSENCE_OVER_S),
    }
    nodes = [Node(gateway=Gateway(folder / f"node-{number}", simulator, **shared)) for number in range(NODES)]
    await store.start()
    try:
        with running(simulator, *(node.gateway for node in nodes)):
            await simulator.ready()
            for node in nodes:
                await node.gateway.ready()
                node.is_up = True
            rows = (await simulator.get("accounts"))["items"]
            yield World(store=store, simulator=simulator, nodes=nodes, media=folder / "media", accounts=rows)
            for node in nodes:
                if node.is_stopped:
                    node.thaw()
    finally:
        await store.end(signal.SIGTERM)


@contextlib.contextmanager
def forking() -> Iterator[None]:
    """Let processes be forked, so that their starts do not cost more than their work."""
    nursery = Nursery(harness.environment())
    harness.nurseries.append(nursery)
    try:
        yield
    finally:
        harness.nurseries.remove(nursery)
        nursery.close()


async def foreign_twin(world: World, token: str, prompt: str, seconds: int) -> None:
    """Make a video as another client of the account would; its title says that it is not ours."""
    body = {
        "kind": "video",
        "prompt": prompt,
        "title": "foreign",
        "orientation": "portrait",
        "size": "small",
        "n_frames": 30 * seconds,
        "model": "sy_8",
        "inpaint_items": [],
    }
    headers = {"Authorization": f"Bearer {token}", "openai-sentinel-token": "other"}
    with contextlib.suppress(httpx2.HTTPError):
        async with httpx2.AsyncClient(base_url=world.simulator.url, timeout=8) as client:
            await client.post("/backend/nf/create", json=body, headers=headers)
