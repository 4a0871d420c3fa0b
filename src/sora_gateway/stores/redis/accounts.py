"""Keep the upstream accounts, their secrets encrypted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sora_gateway.domain.accounts import Account
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.stores.redis import keys
from sora_gateway.stores.redis.cipher import Cipher
from sora_gateway.stores.redis.codec import Codec
from sora_gateway.stores.redis.connection import Connection
from sora_gateway.stores.redis.scripting import load

_SWAP = load("swap")
_MOST_TRIES = 200


class RedisAccounts:
    """Implements ``ports.stores.AccountStore``."""

    def __init__(self, connection: Connection, cipher: Cipher) -> None:
        self._connection = connection
        self._codec = Codec(Account, cipher)
        self._read: dict[str, tuple[str, Account]] = {}
        """The last reading of each record, so that unchanged ones are not decrypted again."""

    async def put(self, account: Account) -> None:
        """Add the account or replace it whole."""
        await self._connection.call("HSET", keys.ACCOUNTS, account.id, self._codec.encode(account))

    async def add(self, account: Account) -> Account:
        """Add the account unless there is one of its id; return the one that is stored."""
        await self._connection.call("HSETNX", keys.ACCOUNTS, account.id, self._codec.encode(account))
        stored = await self.get(account.id)
        if stored is None:
            message = "The account was removed while it was added. Try again."
            raise GatewayError(ErrorKind.STORE_UNAVAILABLE, message, retry_after_s=1.0)
        return stored

    async def get(self, account_id: str) -> Account | None:
        """Return it."""
        text = await self._connection.call("HGET", keys.ACCOUNTS, account_id)
        return None if text is None else self._decoded(account_id, text)

    async def all(self) -> Sequence[Account]:
        """Return all, oldest first."""
        texts = await self._connection.call("HGETALL", keys.ACCOUNTS)
        self._read = {account_id: held for account_id, held in self._read.items() if account_id in texts}
        accounts = [self._decoded(account_id, text) for account_id, text in texts.items()]
        return sorted(accounts, key=lambda account: (account.created_at, account.id))

    async def change(self, account_id: str, decide: Callable[[Account], Account]) -> Account | None:
        """Apply ``decide`` by compare-and-set, repeating on conflict; None: no such account."""
        text = await self._connection.call("HGET", keys.ACCOUNTS, account_id)
        for _ in range(_MOST_TRIES):
            if text is None:
                return None
            before = self._decoded(account_id, text)
            after = decide(before)
            if after == before:
                return before
            args = (account_id, text, self._codec.encode(after))
            answer = await self._connection.run(_SWAP, (keys.ACCOUNTS,), args)
            if answer[0] == "done":
                return after
            text = answer[1] if answer[0] == "stale" else None
        raise GatewayError(ErrorKind.STORE_UNAVAILABLE, "The account changes too often.", retry_after_s=1.0)

    async def remove(self, account_id: str) -> bool:
        """Remove it; tell whether it was there (after a lost answer perhaps False)."""
        self._read.pop(account_id, None)
        return bool(await self._connection.call("HDEL", keys.ACCOUNTS, account_id))

    def _decoded(self, account_id: str, text: str) -> Account:
        held = self._read.get(account_id)
        if held is not None and held[0] == text:
            return held[1]
        account = self._codec.decode(text)
        self._read[account_id] = (text, account)
        return account
