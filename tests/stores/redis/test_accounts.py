"""Prove what lies in the server of an account, and what another key does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from sora_gateway.domain.accounts import Credential
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.stores import Store
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.accounts import RedisAccounts
from sora_gateway.stores.redis.cipher import FernetCipher
from sora_gateway.stores.redis.connection import Connection, connect
from tests.contracts.test_account_store import new_account


@pytest.fixture
async def admin(server_path: Path) -> AsyncIterator[Connection]:
    """A way to the server that does not go through the store."""
    connection = connect(f"unix://{server_path}")
    yield connection
    await connection.aclose()


async def test_secrets_lie_encrypted_in_the_server(store: Store, admin: Connection) -> None:
    """Neither the token nor the proxy's password can be read there."""
    account = new_account()
    await store.accounts.put(account)
    text = await admin.call("HGET", keys.ACCOUNTS, account.id)
    assert not any(secret in text for secret in ("eyJ.token", "rt_a", "cookie=1", "u:p"))


async def test_records_of_earlier_versions_load(store: Store, admin: Connection) -> None:
    """An account of before refresh tokens is one with an access token alone."""
    account = new_account()
    await store.accounts.put(account)
    record = json.loads(await admin.call("HGET", keys.ACCOUNTS, account.id))
    held = record["credential"]
    record["credential"] = {name: held[name] for name in ("access_token", "version", "expires_at")}
    del record["given"], record["owner"]
    await admin.call("HSET", keys.ACCOUNTS, account.id, json.dumps(record))
    plain = Credential(access_token=Secret("eyJ.token"), version=3, expires_at=5.5)
    assert await store.accounts.get(account.id) == replace(account, credential=plain, given=(), owner=None)


async def test_another_key_is_told_by_name(store: Store, admin: Connection) -> None:
    """The operator learns which setting is wrong."""
    account = new_account()
    await store.accounts.put(account)
    other = RedisAccounts(admin, FernetCipher(["another"]))
    with pytest.raises(GatewayError, match="SORA_GATEWAY_SECRET_KEY") as caught:
        await other.all()
    assert caught.value.kind is ErrorKind.INTERNAL


async def test_unchanged_accounts_are_decrypted_once(store: Store, admin: Connection) -> None:
    """Reading all accounts again costs no cipher; a change by another node is seen."""
    account = new_account()
    counted = _Counting()
    accounts = RedisAccounts(admin, counted)
    await accounts.put(account)
    await accounts.all()
    before = counted.decrypted
    await accounts.all()
    assert await accounts.get(account.id) == account
    assert counted.decrypted == before
    await store.accounts.change(account.id, lambda it: replace(it, name="other"))
    assert [it.name for it in await accounts.all()] == ["other"]


class _Counting:
    """Counts decryptions under the key of the store fixture."""

    def __init__(self) -> None:
        self._cipher = FernetCipher(["test key"])
        self.decrypted = 0

    def encrypt(self, text: str) -> str:
        return self._cipher.encrypt(text)

    def decrypt(self, text: str) -> str:
        self.decrypted += 1
        return self._cipher.decrypt(text)
