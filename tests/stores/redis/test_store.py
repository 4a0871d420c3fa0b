"""Prove what the store says of its server, and how it opens and closes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.kit.clock import system_now
from sora_gateway.ports.stores import Store
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.cipher import FernetCipher
from sora_gateway.stores.redis.connection import connect
from sora_gateway.stores.redis.store import RedisStore

CIPHER = FernetCipher(["test key"])


async def test_the_facts_are_the_servers(server_path: Path) -> None:
    """Of the server that the tests run: no log, no eviction."""
    async with RedisStore(connect(f"unix://{server_path}", is_embedded=True), cipher=CIPHER) as store:
        facts = await store.facts()
        assert (facts.server, facts.is_embedded, facts.is_append_only) == ("valkey", True, False)
        assert (facts.fsync, facts.eviction) == ("everysec", "noeviction")
        assert len(facts.run_id) == 40
        assert (facts.replicas, facts.least_replicas, facts.most_memory_bytes) == (0, 0, 0)
        assert facts.memory_bytes is not None
        assert facts.memory_bytes > 0
        assert abs(await store.time() - system_now()) < 5


async def test_facts_without_config_are_unknown(server_path: Path) -> None:
    """Hosted servers forbid CONFIG; what INFO says is still told."""
    admin = connect(f"unix://{server_path}")
    await admin.call("ACL", "SETUSER", "limited", "on", ">pw", "~*", "+@all", "-config")
    async with RedisStore(connect(f"unix://limited:pw@{server_path}"), cipher=CIPHER) as store:
        facts = await store.facts()
    await admin.call("ACL", "DELUSER", "limited")
    await admin.aclose()
    assert (facts.fsync, facts.eviction, facts.server) == ("unknown", "noeviction", "valkey")
    assert facts.least_replicas is None


async def test_secrets_of_the_installation_lie_encrypted(store: Store, server_path: Path) -> None:
    """Whoever reads the server does not learn them; another key is told by its setting."""
    assert await store.secret("links", lambda: "very secret") == "very secret"
    admin = connect(f"unix://{server_path}")
    assert "very secret" not in await admin.call("GET", f"{keys.SECRETS}:links")
    await admin.aclose()
    async with RedisStore(connect(f"unix://{server_path}"), cipher=FernetCipher(["other"])) as other:
        with pytest.raises(GatewayError, match="SORA_GATEWAY_SECRET_KEY"):
            await other.secret("links", lambda: "x")


async def test_a_store_that_does_not_open_closes(tmp_path: Path) -> None:
    """Nothing is left open when the server is away; closing twice is fine."""
    store = RedisStore(connect(f"unix://{tmp_path}/none"), cipher=CIPHER)
    with pytest.raises(GatewayError) as caught:
        async with store:
            pass
    assert caught.value.kind is ErrorKind.STORE_UNAVAILABLE
    await store.aclose()


async def test_a_wrong_password_is_unavailable_and_not_repeated(server_path: Path) -> None:
    """The message shows neither user nor password."""
    store = RedisStore(connect(f"unix://nobody:secret-word@{server_path}"), cipher=CIPHER)
    with pytest.raises(GatewayError) as caught:
        await store.open()
    await store.aclose()
    assert caught.value.kind is ErrorKind.STORE_UNAVAILABLE
    assert "secret" not in caught.value.message
