"""Records are encrypted anew while others read and write them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sora_gateway.domain.errors import GatewayError
from sora_gateway.stores.redis.cipher import FernetCipher
from sora_gateway.stores.redis.connection import connect
from sora_gateway.stores.redis.store import RedisStore
from tests.contracts.test_account_store import new_account


def _store(path: Path, *keys: str) -> RedisStore:
    return RedisStore(connect(f"unix://{path}"), cipher=FernetCipher(keys))


async def test_every_record_is_read_with_the_new_key_alone(server_path: Path) -> None:
    """Accounts and the installation's own secrets; a second pass finds nothing."""
    async with _store(server_path, "old") as store:
        await store._connection.call("FLUSHALL")
        link_secret = await store.secret("links", lambda: "made once")
        for number in (1, 2):
            await store.accounts.put(new_account(number))
        assert await store.old_secrets() == 0
    async with _store(server_path, "new", "old") as store:
        account = replace(new_account(2), name="written with the new key")
        await store.accounts.put(account)
        assert await store.old_secrets() == 2
        assert await store.rekey() == 2
        assert (await store.old_secrets(), await store.rekey()) == (0, 0)
    async with _store(server_path, "new") as store:
        assert {one.id: one for one in await store.accounts.all()} == {
            one.id: one for one in (new_account(1), account)
        }
        assert await store.secret("links", lambda: "another") == link_secret


async def test_a_key_that_is_not_there(server_path: Path) -> None:
    """It is counted, refused in words, and stays as it was."""
    async with _store(server_path, "old") as store:
        await store._connection.call("FLUSHALL")
        await store.accounts.put(new_account())
    async with _store(server_path, "new") as store:
        assert await store.old_secrets() == 1
        with pytest.raises(GatewayError, match="SORA_GATEWAY_SECRET_KEY"):
            await store.rekey()
    async with _store(server_path, "old") as store:
        assert await store.accounts.all() == [new_account()]
