"""Keep this node's view of the upstream accounts, and report their health."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sora_gateway.accounts.health import after_error, after_use
from sora_gateway.domain.accounts import Account, Balance
from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.media import MediaKind
from sora_gateway.kit.clock import Now
from sora_gateway.ports.stores import AccountStore
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

_FRESH_S = 1.0


class AccountPool:
    """Accounts as of at most a second ago; changes of health go to the store and are seen by all nodes."""

    def __init__(self, store: AccountStore, now: Now) -> None:
        self._store = store
        self._now = now
        self._accounts: dict[str, Account] = {}
        self._read_at = float("-inf")
        self._reads = 0
        self._news: list[tuple[str, Account | None]] = []
        """What was heard while the store is being read: its answer may be older."""

    async def all(self) -> Sequence[Account]:
        """Return all accounts, oldest first."""
        if not 0 <= self._now() - self._read_at < _FRESH_S:
            await self._read()
        return tuple(self._accounts.values())

    async def _read(self) -> None:
        self._reads += 1
        begun = len(self._news)
        try:
            accounts = {account.id: account for account in await self._store.all()}
            for account_id, account in self._news[begun:]:
                _put(accounts, account_id, account)
            self._accounts = accounts
            self._read_at = self._now()
        finally:
            self._reads -= 1
            if not self._reads:
                self._news.clear()

    async def get(self, account_id: str) -> Account | None:
        """Return one, None if it was removed."""
        await self.all()
        return self._accounts.get(account_id)

    async def change(self, account_id: str, decide: Callable[[Account], Account]) -> Account | None:
        """Apply ``decide`` in the store and see the answer here at once; None: no such account."""
        account = await self._store.change(account_id, decide)
        self._heard(account_id, account)
        return account

    async def add(self, account: Account) -> Account:
        """Add the account unless there is one of its id; return the one that is stored."""
        stored = await self._store.add(account)
        self._heard(stored.id, stored)
        return stored

    async def remove(self, account_id: str) -> None:
        """Remove it."""
        await self._store.remove(account_id)
        self._heard(account_id, None)

    async def stored(self) -> Sequence[Account]:
        """Return all accounts as they are in the store at this moment, oldest first.

        What ``all`` remembers stays as old as it is: an idle node reads anew when the first request comes.
        """
        return await self._store.all()

    async def fresh(self, account_id: str) -> Account | None:
        """Return the account as it is in the store at this moment."""
        account = await self._store.get(account_id)
        self._heard(account_id, account)
        return account

    def _heard(self, account_id: str, account: Account | None) -> None:
        _put(self._accounts, account_id, account)
        if self._reads:
            self._news.append((account_id, account))

    async def report_error(
        self,
        account_id: str,
        error: ErrorKind,
        until: float | None,
        kind: MediaKind | None = None,
        *,
        version: int | None = None,
    ) -> None:
        """Record what an error of the backend, met when ``kind`` was asked for, says about the account.

        ``version`` is the credential that was used: a refusal of an older one says nothing any more.
        """
        now_s = self._now()

        def decide(account: Account) -> Account:
            is_old = version is not None and account.credential.version != version
            if is_old and error is ErrorKind.ACCOUNT_AUTH:
                return account
            return after_error(account, error, until, now_s, kind=kind)

        account = await self._store.change(account_id, decide)
        if account is not None and account != self._accounts.get(account_id):
            self._heard(account_id, account)
            log.warning(
                "account changed state",
                account_id=account_id,
                state=account.state.value,
                reason=account.reason,
                until=account.until,
            )

    async def report_use(self, account_id: str, balance: Balance | None, spent: int = 0) -> None:
        """Record a creation that took ``spent`` videos, and the quota as the backend now reports it."""
        now_s = self._now()
        account = await self._store.change(
            account_id, lambda before: after_use(before, balance, spent, now_s)
        )
        self._heard(account_id, account)


def _put(accounts: dict[str, Account], account_id: str, account: Account | None) -> None:
    if account is None:
        accounts.pop(account_id, None)
    else:
        accounts[account_id] = account
