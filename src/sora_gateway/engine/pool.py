"""Keep this node's view of the upstream accounts, and report their health."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sora_gateway.accounts.health import after_balance, after_error
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

    async def all(self) -> Sequence[Account]:
        """Return all accounts, oldest first."""
        if not 0 <= self._now() - self._read_at < _FRESH_S:
            accounts = await self._store.all()
            self._accounts = {account.id: account for account in accounts}
            self._read_at = self._now()
        return tuple(self._accounts.values())

    async def get(self, account_id: str) -> Account | None:
        """Return one, None if it was removed."""
        await self.all()
        return self._accounts.get(account_id)

    async def report_error(
        self, account_id: str, error: ErrorKind, until: float | None, kind: MediaKind | None = None
    ) -> None:
        """Record what an error of the backend, met when ``kind`` was asked for, says about the account."""
        now_s = self._now()
        account = await self._store.change(
            account_id, lambda a: after_error(a, error, until, now_s, kind=kind)
        )
        if account is not None and account != self._accounts.get(account_id):
            self._accounts[account_id] = account
            log.warning(
                "account changed state",
                account_id=account_id,
                state=account.state.value,
                reason=account.reason,
                until=account.until,
            )

    async def report_use(self, account_id: str, balance: Balance | None) -> None:
        """Record that a task was made, and the quota as the backend now reports it."""
        now_s = self._now()

        def used(account: Account) -> Account:
            account = replace(account, last_used_at=now_s)
            return after_balance(account, balance, now_s) if balance is not None else account

        account = await self._store.change(account_id, used)
        if account is not None:
            self._accounts[account_id] = account
