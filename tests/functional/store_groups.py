"""Groups of real store servers: a primary with replicas behind Sentinels, and a cluster."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.functional.harness import free_port, until
from tests.functional.test_two_nodes import server_binary

LOOPBACK = "127.0.0.1"


class Server:
    """One server process on a port."""

    def __init__(self, folder: Path, *arguments: str, port: int | None = None, config: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port if port is not None else free_port()
        self.url = f"redis://{LOOPBACK}:{self.port}/0"
        self._log = folder / "log"
        (folder / "server.conf").write_text(f"port {self.port}\ndir {folder}\nlogfile {self._log}\n{config}")
        self._command = [server_binary(), str(folder / "server.conf"), *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    async def ask(self, *command: str | int) -> Any:
        """Run a command on it."""
        client = Redis(host=LOOPBACK, port=self.port, decode_responses=True, protocol=2)
        try:
            return await client.execute_command(*command)  # type: ignore[no-untyped-call]
        finally:
            await client.aclose()

    async def info(self, section: str) -> dict[str, Any]:
        """Return a section of what it says of itself."""
        found: dict[str, Any] = await self.ask("INFO", section)
        return found

    async def ready(self) -> None:
        """Wait until it answers."""

        async def answers() -> bool:
            with contextlib.suppress(RedisError, OSError):
                return bool(await self.ask("PING"))
            return False

        await until(answers, timeout_s=10, what=f"a server\n{self._log}")


def data_server(folder: Path, *arguments: str, port: int | None = None) -> Server:
    """Return a server that keeps what it is told, with replicas that connect without delay."""
    kept = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--repl-diskless-sync-delay", "0"]
    return Server(folder, *kept, *arguments, port=port)


@asynccontextmanager
async def started(*servers: Server) -> AsyncIterator[None]:
    """Run servers while the block runs."""
    try:
        for server in servers:
            server.start()
        for server in servers:
            await server.ready()
        yield
    finally:
        for server in servers:
            server.kill()


class Watched:
    """A primary and its replicas, watched by Sentinels."""

    def __init__(self, primary: Server, replicas: Sequence[Server], sentinels: Sequence[Server]) -> None:
        self.primary = primary
        self.replicas = replicas
        self.sentinels = sentinels
        hosts = ",".join(f"{LOOPBACK}:{server.port}" for server in sentinels)
        self.url = f"redis+sentinel://{hosts}/mymaster/0"

    async def failed_over(self) -> None:
        """Wait until a replica is the primary and the other one follows it."""

        async def has_follower() -> bool:
            found = [await one.info("replication") for one in self.replicas]
            return any(one["role"] == "master" and _online(one) == 1 for one in found)

        await until(has_follower, timeout_s=30, what="a replica to be made the primary")


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Watched]:
    """Run a primary, two replicas and three Sentinels that know each other."""
    primary = data_server(folder / "primary")
    following = ("--replicaof", LOOPBACK, str(primary.port))
    replicas = [data_server(folder / f"replica{number}", *following) for number in range(2)]
    config = (
        f"sentinel monitor mymaster {LOOPBACK} {primary.port} 2\n"
        "sentinel down-after-milliseconds mymaster 1000\n"
        "sentinel failover-timeout mymaster 6000\n"
    )
    sentinels = [Server(folder / f"sentinel{n}", "--sentinel", config=config) for n in range(3)]
    async with started(primary, *replicas), started(*sentinels):
        await _linked(primary, 2)

        async def all_known() -> bool:
            masters = [(await one.ask("SENTINEL MASTERS"))["mymaster"] for one in sentinels]
            return all(one["num-other-sentinels"] == 2 and one["num-slaves"] == 2 for one in masters)

        await until(all_known, timeout_s=20, what="the Sentinels to know each other")
        yield Watched(primary, replicas, sentinels)


async def _linked(primary: Server, replicas: int) -> None:
    async def are_linked() -> bool:
        return _online(await primary.info("replication")) == replicas

    await until(are_linked, timeout_s=20, what="the replicas to be in step")


def _online(info: dict[str, Any]) -> int:
    listed = [info.get(f"slave{number}", {}) for number in range(int(info["connected_slaves"]))]
    return sum(one.get("state") == "online" for one in listed)


class Clustered:
    """Three primaries with a replica each."""

    def __init__(self, primaries: Sequence[Server], replicas: Sequence[Server]) -> None:
        self.primaries = primaries
        self.replicas = replicas
        hosts = ",".join(f"{LOOPBACK}:{server.port}" for server in primaries)
        self.url = f"redis+cluster://{hosts}"

    async def place_of(self, key: str) -> int:
        """Return which primary has a key's slot, by its number."""
        slot = await self.primaries[0].ask("CLUSTER", "KEYSLOT", key)
        return next(n for n, (first, last) in enumerate(_SLOTS) if first <= slot <= last)

    async def failed_over(self, place: int) -> None:
        """Wait until the replica of a primary has its slots and the cluster works."""

        async def has_taken_over() -> bool:
            role = (await self.replicas[place].info("replication"))["role"]
            state = await self.replicas[place].ask("CLUSTER INFO")
            return str(role) == "master" and state["cluster_state"] == "ok"

        await until(has_taken_over, timeout_s=20, what="the replica to take over")


_SLOTS = ((0, 5460), (5461, 10922), (10923, 16383))


@asynccontextmanager
async def clustered(folder: Path) -> AsyncIterator[Clustered]:
    """Run a cluster of three primaries with a replica each."""
    mode = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1500"]
    ports = _low_ports(6)
    servers = [data_server(folder / f"node{n}", *mode, port=port) for n, port in enumerate(ports)]
    primaries, replicas = servers[:3], servers[3:]
    async with started(*servers):
        for (first, last), server in zip(_SLOTS, primaries, strict=True):
            await server.ask("CLUSTER", "ADDSLOTSRANGE", first, last)
        for server in servers[1:]:
            await server.ask("CLUSTER", "MEET", LOOPBACK, servers[0].port)
        ids = [await server.ask("CLUSTER MYID") for server in primaries]

        async def all_met() -> bool:
            known = [await server.ask("CLUSTER INFO") for server in servers]
            return all(one["cluster_known_nodes"] == "6" and one["cluster_state"] == "ok" for one in known)

        await until(all_met, timeout_s=20, what="the nodes to know each other")
        for node_id, server in zip(ids, replicas, strict=True):
            await server.ask("CLUSTER", "REPLICATE", node_id)
        for server in primaries:
            await _linked(server, 1)
        yield Clustered(primaries, replicas)


def _low_ports(number: int) -> list[int]:
    # The bus of a cluster listens 10,000 above.
    found: list[int] = []
    while len(found) < number:
        port = free_port()
        low = 10_000 + port % 20_000
        if low not in found:
            found.append(low)
    return found
