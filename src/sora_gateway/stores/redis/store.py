"""Everything that is kept, behind one connection to a Redis or valkey server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from sora_gateway.domain.errors import GatewayError
from sora_gateway.kit.clock import Now, system_now
from sora_gateway.ports.store_facts import StoreFacts
from sora_gateway.ports.stores import (
    AccountStore,
    CharacterStore,
    Feed,
    FileStore,
    JobStore,
    LaneStore,
    LicenceStore,
)
from sora_gateway.ports.usage import UsageStore
from sora_gateway.ports.webhooks import WebhookStore
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.accounts import RedisAccounts
from sora_gateway.stores.redis.characters import RedisCharacters
from sora_gateway.stores.redis.cipher import Cipher
from sora_gateway.stores.redis.connection import Connection
from sora_gateway.stores.redis.feed import RedisFeed
from sora_gateway.stores.redis.files import RedisFiles
from sora_gateway.stores.redis.jobs import RedisJobs
from sora_gateway.stores.redis.lanes import RedisLanes
from sora_gateway.stores.redis.licences import RedisLicences
from sora_gateway.stores.redis.rekeying import count_old, rekey
from sora_gateway.stores.redis.usage import RedisUsage
from sora_gateway.stores.redis.webhooks import RedisWebhooks

_UNKNOWN = "unknown"
_CONFIG = ("appendfsync", "maxmemory-policy", "min-replicas-to-write")


class RedisStore:
    """Implements ``ports.stores.Store``; it owns its connection and closes it."""

    def __init__(self, connection: Connection, *, cipher: Cipher, now: Now = system_now) -> None:
        self._connection = connection
        self._cipher = cipher
        self.jobs: JobStore = RedisJobs(connection, now)
        self.lanes: LaneStore = RedisLanes(connection)
        self.feed: Feed = RedisFeed(connection)
        self.accounts: AccountStore = RedisAccounts(connection, cipher)
        self.licences: LicenceStore = RedisLicences(connection)
        self.usage: UsageStore = RedisUsage(connection)
        self.characters: CharacterStore = RedisCharacters(connection)
        self.files: FileStore = RedisFiles(connection)
        self.webhooks: WebhookStore = RedisWebhooks(connection, cipher)

    async def open(self) -> None:
        """Make sure that the server answers.

        Raises:
            GatewayError(store_unavailable): it does not.
        """
        await self.ping()

    async def aclose(self) -> None:
        """Close the connection; calling it twice is fine."""
        await self._connection.aclose()

    async def __aenter__(self) -> Self:
        try:
            await self.open()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def ping(self) -> None:
        """Answer, or raise ``GatewayError(store_unavailable)``."""
        await self._connection.call("PING")

    async def time(self) -> float:
        """Return the server's clock as Unix seconds: leases, deadlines and first sights are told by it."""
        seconds, microseconds = await self._connection.call("TIME")
        return float(seconds) + float(microseconds) / 1e6

    async def facts(self) -> StoreFacts:
        """Say what the server is and keeps; ``unknown`` where it may not be asked."""
        info: dict[str, Any] = {}
        for section in await self._connection.pipeline(
            [("INFO", section) for section in ("server", "persistence", "memory", "replication")]
        ):
            info |= section
        config = await self._config()
        server = str(info.get("server_name", "redis"))
        return StoreFacts(
            server=server,
            version=str(info.get(f"{server}_version", info.get("redis_version", _UNKNOWN))),
            run_id=str(info.get("run_id", _UNKNOWN)),
            is_embedded=self._connection.is_embedded,
            is_append_only=str(info.get("aof_enabled", 0)) == "1",
            fsync=config.get("appendfsync", _UNKNOWN),
            eviction=config.get("maxmemory-policy", str(info.get("maxmemory_policy", _UNKNOWN))),
            replicas=_in_step(info),
            least_replicas=_number(config.get("min-replicas-to-write")),
            memory_bytes=_number(info.get("used_memory")),
            most_memory_bytes=_number(info.get("maxmemory")),
        )

    async def _config(self) -> dict[str, str]:
        try:
            answer = await self._connection.call("CONFIG GET", *_CONFIG)
        except GatewayError:
            # Hosted servers forbid CONFIG; that they answer was seen a moment ago.
            return {}
        return dict(answer)

    async def register_vault(self, vault_id: str) -> str:
        """Record the first vault that joins; return the one on record."""
        return await self._first(keys.VAULT, vault_id)

    async def secret(self, name: str, make: Callable[[], str]) -> str:
        """Return the named secret of this installation, made on first use, the same for all nodes."""
        key = f"{keys.SECRETS}:{name}"
        held = await self._connection.call("GET", key)
        if held is None:
            held = await self._first(key, self._cipher.encrypt(make()))
        return self._cipher.decrypt(held)

    async def old_secrets(self) -> int:
        """Return how many records cannot be read without an earlier secret key."""
        return await count_old(self._connection, self._cipher)

    async def rekey(self) -> int:
        """Encrypt those records with the present key; return how many there were."""
        return await rekey(self._connection, self._cipher)

    async def _first(self, key: str, value: str) -> str:
        _, held = await self._connection.pipeline([("SET", key, value, "NX"), ("GET", key)])
        return str(held)


def _number(said: object) -> int | None:
    text = str(said)
    return int(text) if text.isdigit() else None


def _in_step(info: Mapping[str, Any]) -> int | None:
    """Return how many replicas have all that was written, as far as the server says."""
    count = _number(info.get("connected_slaves"))
    if count is None:
        return None
    listed = [info.get(f"slave{number}") for number in range(count)]
    return len([one for one in listed if isinstance(one, dict) and one.get("state") == "online"])
