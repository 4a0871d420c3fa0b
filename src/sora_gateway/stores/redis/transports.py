"""Reach the servers of a store through redis-py: one primary, alone or behind Sentinels, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, Protocol

from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError

from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.addresses import Address, Topology
from sora_gateway.stores.redis.batching import Batches
from sora_gateway.stores.redis.lines import Command, Lines, unless_errors

MOST_CALLS = 512
"""Calls at the same time; whoever uses a transport sees to it."""
_MOST_LINES = 16
_MOST_CONNECTIONS = 96
_HEALTH_CHECK_S = 20
_SENTINEL_ANSWER_S = 0.5
_LIVING = "{gw}"


class Transport(Protocol):
    """The way to the servers. Commands without a key go to the primary of the living state.

    Everything that is sent must bear repeating. Errors are redis-py's, ``OSError`` and ``TimeoutError``.
    """

    @property
    def callbacks(self) -> Mapping[str, Any]:
        """What makes Python values of answers, by command."""
        ...

    def primary(self) -> str:
        """Name the server that had the living state at the last call; another name: a failover."""
        ...

    async def execute(self, command: Command) -> Any:
        """Run one command."""
        ...

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands in order, not atomically; those of different slots may meet different servers."""
        ...

    async def open_line(self) -> AbstractConnection:
        """Return a new connection to the primary of the living state."""
        ...

    async def aclose(self) -> None:
        """Close what was opened, but not the lines."""
        ...


def open_transport(address: Address, answer_s: float) -> Transport:
    """Return the way to ``address``; nothing is sent.

    Raises:
        ValueError: an option is unknown or wrong.
    """
    openers: Mapping[Topology, Callable[[Address, float], Transport]] = {
        Topology.SINGLE: _single,
        Topology.SENTINEL: _behind_sentinels,
        Topology.CLUSTER: _cluster,
    }
    try:
        return openers[address.topology](address, answer_s)
    except (ValueError, TypeError):
        raise ValueError("The store's URL cannot be read: check its port, database and options.") from None


class OnePrimary:
    """One server that writes: the only one, or the one that the Sentinels name."""

    def __init__(self, client: Redis, sentinels: Sentinel | None = None) -> None:
        self._client = client
        self._sentinels = sentinels
        self._pool: Any = client.connection_pool
        self._pool.make_connection()  # type: ignore[no-untyped-call]  # says now what is wrong with the options
        self._lines = Lines(self.open_line, self.callbacks, _MOST_LINES)
        self._batches = Batches(self._lines.exchange)

    @property
    def callbacks(self) -> Mapping[str, Any]:
        """Return redis-py's."""
        callbacks: Any = self._client.response_callbacks
        return dict(callbacks)

    def primary(self) -> str:
        """Return the address that the Sentinels gave last."""
        return str(getattr(self._pool, "master_address", ""))

    async def execute(self, command: Command) -> Any:
        """Run one command, in one round trip with what others ask at the same time."""
        (answer,) = await self.pipeline((command,))
        return answer

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands in one round trip, which what others ask at the same time shares."""
        return unless_errors(await self._batches.run(commands))

    async def open_line(self) -> AbstractConnection:
        """Return a new connection."""
        return await _connected(self._pool.make_connection())

    async def aclose(self) -> None:
        """Close all connections."""
        await self._lines.drop()
        await self._client.aclose()
        await self._pool.disconnect()
        if self._sentinels is not None:
            await self._sentinels.aclose()


class Cluster:
    """Several primaries: the living state lies on one of them, archived jobs on all.

    In a pipeline the order between the living state and the archive holds; archived jobs have none among
    themselves.
    """

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster  # redis-py types little of it
        self._slot = cluster.keyslot(keys.FEED)

    @property
    def callbacks(self) -> Mapping[str, Any]:
        """Return redis-py's."""
        callbacks: Mapping[str, Any] = self._cluster.response_callbacks
        return callbacks

    def primary(self) -> str:
        """Return the node that has the slot of the living state."""
        nodes = self._cluster.nodes_manager.slots_cache.get(self._slot)
        return nodes[0].name if nodes else ""

    async def execute(self, command: Command) -> Any:
        """Run one command where its keys are."""
        return await self._cluster.execute_command(*command, **await self._target(command))

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands in a round trip for each change between living state and archive.

        A reader that looks at the living record first relies on it: a job is in the archive before it leaves.
        """
        answers: list[Any] = []
        for _, stage in groupby(commands, key=is_on_living_state):
            pipe = self._cluster.pipeline()
            for command in stage:
                pipe.execute_command(*command, **await self._target(command))
            answers += await pipe.execute()
        return answers

    async def open_line(self) -> AbstractConnection:
        """Return a new connection to the node that has the living state."""
        # Follows the slot if it moved; a line itself follows nothing.
        await self._cluster.execute_command("EXISTS", keys.FEED)
        node = await self._living()
        return await _connected(node.connection_class(**node.connection_kwargs))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._cluster.aclose()

    async def _target(self, command: Command) -> dict[str, Any]:
        return {} if key_of(command) is not None else {"target_nodes": await self._living()}

    async def _living(self) -> ClusterNode:
        await self._cluster.initialize()
        node: ClusterNode | None = self._cluster.get_node_from_key(keys.FEED)
        if node is None:
            raise RedisConnectionError("no node has the living state")
        return node


def key_of(command: Command) -> str | None:
    """Return the first key of a command, None if it has none. All our keys begin with a hash tag."""
    if command[0] in ("EVAL", "EVALSHA"):
        return str(command[3]) if int(command[2]) else None
    return next((part for part in command[1:3] if isinstance(part, str) and part.startswith("{")), None)


def is_on_living_state(command: Command) -> bool:
    """Tell whether a command goes to the server of the living state."""
    key = key_of(command)
    return key is None or key.startswith(_LIVING)


async def _connected(line: AbstractConnection) -> AbstractConnection:
    try:
        await line.connect()  # type: ignore[no-untyped-call]
    except BaseException:
        await line.disconnect(nowait=True)
        raise
    return line


def _common(answer_s: float) -> dict[str, Any]:
    return {
        "socket_connect_timeout": answer_s,
        "socket_timeout": answer_s,
        "health_check_interval": _HEALTH_CHECK_S,
        # Everything we keep is text: ids, JSON in ASCII, base64. hiredis decodes it in C.
        "decode_responses": True,
        "protocol": 2,
    }


def _once() -> Retry:
    # Repeats are the connection's, which knows whether the server is away. A replica that was the primary a
    # moment ago: connect anew, the address may lead elsewhere.
    return Retry(NoBackoff(), 0, supported_errors=(RedisConnectionError, RedisTimeoutError, ReadOnlyError))


def _single(address: Address, answer_s: float) -> Transport:
    pool: ConnectionPool = ConnectionPool.from_url(
        address.url, max_connections=_MOST_CONNECTIONS, retry=_once(), **_common(answer_s)
    )
    return OnePrimary(Redis(connection_pool=pool))


def _behind_sentinels(address: Address, answer_s: float) -> Transport:
    tls = {name: value for name, value in address.options.items() if name.startswith("ssl_")}
    tls |= {"ssl": True} if address.is_tls else {}
    sentinels = Sentinel(  # type: ignore[no-untyped-call]
        list(address.hosts),
        sentinel_kwargs={
            **tls,
            **address.sentinel_options,
            "socket_connect_timeout": min(answer_s, _SENTINEL_ANSWER_S),
            "socket_timeout": min(answer_s, _SENTINEL_ANSWER_S),
            "retry": _once(),
            "protocol": 2,
        },
    )
    options = {**_common(answer_s), **address.options, "ssl": address.is_tls}
    pool = SentinelConnectionPool(  # type: ignore[no-untyped-call]
        address.service, sentinels, max_connections=_MOST_CONNECTIONS, retry=_once(), **options
    )
    return OnePrimary(Redis(connection_pool=pool), sentinels)


def _cluster(address: Address, answer_s: float) -> Transport:
    options = {name: value for name, value in address.options.items() if name != "db"}
    settings: dict[str, Any] = {
        **_common(answer_s),
        **options,
        "ssl": address.is_tls,
        "startup_nodes": [ClusterNode(host, port) for host, port in address.hosts],
        "max_connections": _MOST_CONNECTIONS,
        # One more try after the nodes were asked anew who has which slot.
        "retry": Retry(NoBackoff(), 1),
    }
    return Cluster(RedisCluster(**settings))
