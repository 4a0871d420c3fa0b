"""Renew credentials before they end, and once after a refusal.

One node at a time, and stored before they are used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import partial
from types import TracebackType

from sora_gateway.domain.accounts import (
    BEING_RENEWED,
    Account,
    AccountState,
    Credential,
    reopened,
    rests_for_credential,
)
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.engine.config import EngineConfig
from sora_gateway.engine.pool import AccountPool
from sora_gateway.kit.backoff import backoff_s
from sora_gateway.kit.clock import Now, boottime
from sora_gateway.kit.ids import new_id
from sora_gateway.ports.upstream import Upstream
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

_DAY_S = 24 * 3600.0
_CLAIM_MARGIN_S = 15.0
_LOOK_AGAIN_S = 0.25
_AT_ONCE = 8
_DRAIN_S = 1.0
_RESTING = frozenset({AccountState.READY, AccountState.COOLING})


class Renewal(StrEnum):
    """What became of the wish for another credential."""

    DONE = "done"  # the account has another one
    LATER = "later"  # not now: no answer came, or somebody else is at it
    REFUSED = "refused"  # it cannot be renewed


# --- what happens to the record: pure ---------------------------------------------------------------------


def is_due(account: Account, now_s: float, *, spacing_s: float, retry_s: float) -> bool:
    """Tell whether the credential should be renewed now, half-way through the life of its access token.

    Where its beginning is unknown that is a day before its end. ``spacing_s`` lies between two tries while
    the access token works, ``retry_s`` while it does not.
    """
    held = account.credential
    is_out = account.state in (AccountState.DISABLED, AccountState.AUTH_FAILED)
    if is_out or not held.is_renewable or _is_claimed(held, now_s):
        return False
    is_dead = _is_over(held, now_s) or rests_for_credential(account)
    wanted_at = _wanted_at(held)
    if not is_dead and held.trouble is None and (wanted_at is None or wanted_at > now_s):
        return False
    gap_s = retry_s if is_dead else spacing_s
    return held.tried_at is None or not 0 <= now_s - held.tried_at < gap_s


def claimed(account: Account, version: int, by: str, now_s: float, until: float) -> Account:
    """Return the account with its renewal in the hands of ``by``; unchanged where that cannot be."""
    held = account.credential
    if held.version != version or not held.is_renewable or _is_claimed(held, now_s):
        return account
    claim = replace(held, refreshing_until=until, refreshing_by=by, tried_at=now_s)
    return replace(account, credential=claim)


def renewed(account: Account, version: int, following: Credential) -> Account:
    """Return the account with the credential that followed ``version``, and its ban lifted."""
    if account.credential.version != version:
        return account
    account = reopened(account)
    credential = replace(
        _unclaimed(following),
        version=version + 1,
        tried_at=account.credential.tried_at,
        trouble=None,
        is_refused=False,
    )
    return replace(account, credential=credential)


def unanswered(account: Account, version: int, message: str) -> Account:
    """Return the account after a renewal of which nobody knows whether it happened: all it has is kept."""
    if account.credential.version != version:
        return account
    trouble = f"refresh was not answered; {message}"
    if rests_for_credential(account):
        account = replace(account, reason=trouble)
    return replace(account, credential=replace(_unclaimed(account.credential), trouble=trouble))


def refused(account: Account, version: int, message: str, now_s: float) -> Account:
    """Return the account after a lasting no: its access token is the last one and serves until its end."""
    if account.credential.version != version:
        return account
    trouble = f"refresh was refused; {message}"
    credential = replace(_unclaimed(account.credential), trouble=trouble, is_refused=True)
    return ended(replace(account, credential=credential), now_s)


def ended(account: Account, now_s: float) -> Account:
    """Return the account as failed if its last access token is over, else unchanged."""
    held = account.credential
    is_out = account.state in (AccountState.DISABLED, AccountState.AUTH_FAILED)
    if is_out or not held.is_refused or not _is_over(held, now_s):
        return account
    return replace(account, state=AccountState.AUTH_FAILED, reason=held.trouble, until=None)


def resting(account: Account, version: int, until: float) -> Account:
    """Return the account put aside: its access token was refused, and the next one is not there yet."""
    held = account.credential
    if held.version != version or account.state not in _RESTING or (account.until or 0.0) >= until:
        return account
    return replace(account, state=AccountState.COOLING, reason=held.trouble or BEING_RENEWED, until=until)


def _is_over(held: Credential, now_s: float) -> bool:
    return not held.has_access or (held.expires_at is not None and held.expires_at <= now_s)


def _is_claimed(held: Credential, now_s: float) -> bool:
    # A claim farther ahead than any is written was written by a clock that has jumped.
    return held.refreshing_until is not None and now_s < held.refreshing_until < now_s + _DAY_S


def _unclaimed(held: Credential) -> Credential:
    return replace(held, refreshing_until=None, refreshing_by=None)


def _wanted_at(held: Credential) -> float | None:
    if held.expires_at is None:
        return None
    if held.issued_at is not None and held.issued_at < held.expires_at:
        return (held.issued_at + held.expires_at) / 2
    return held.expires_at - _DAY_S


# --- doing it ---------------------------------------------------------------------------------------------


class Renewals:
    """Renews credentials inside its ``async with`` block.

    A renewal begun is finished even if whoever asked for it has gone: its answer may be the only copy of a
    refresh token. At the end of the block running ones get a moment more.
    """

    def __init__(
        self, pool: AccountPool, upstreams: Mapping[str, Upstream], config: EngineConfig, now: Now
    ) -> None:
        self._pool = pool
        self._upstreams = upstreams
        self._config = config
        self._now = now
        self._group = asyncio.TaskGroup()
        self._tasks: dict[str, asyncio.Task[Renewal]] = {}
        self._is_open = False

    async def __aenter__(self) -> Renewals:
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        self._is_open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_open = False
        if self._tasks:
            _, late = await asyncio.wait(list(self._tasks.values()), timeout=_DRAIN_S)
            for task in late:
                task.cancel()
        await self._group.__aexit__(kind, error, trace)

    async def run(self) -> None:
        """Renew what is due, for ever."""
        while True:
            try:
                await self.renew_due()
            except GatewayError as error:
                log.warning("cannot look for credentials to renew", error=error.message)
            await asyncio.sleep(self._config.renew_every_s)

    async def renew_due(self) -> None:
        """Renew every credential that is due, and give up those that have come to their end."""
        config, now_s = self._config, self._now()
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(account: Account) -> None:
            async with room:
                await self._once(account.id, account.credential.version)

        accounts = await self._pool.stored()
        for account in accounts:
            if ended(account, now_s) is not account:
                await self._pool.change(account.id, partial(ended, now_s=now_s))
        async with asyncio.TaskGroup() as group:
            for account in accounts:
                if is_due(account, now_s, spacing_s=config.renew_spacing_s, retry_s=config.renew_retry_s):
                    group.create_task(one(account))

    async def renew_now(self, account_id: str, version: int) -> Renewal:
        """Get another credential than ``version``, whose access token was refused, and say what came of it.

        However many ask for it on however many nodes, the backend is asked once. After ``LATER`` the account
        rests for a while.
        """
        account = await self._pool.fresh(account_id)
        if account is None:
            return Renewal.REFUSED
        held = account.credential
        if held.version != version:
            return Renewal.DONE
        if not held.is_renewable:
            return Renewal.REFUSED
        outcome = Renewal.LATER
        if not self._has_just_failed(held):
            outcome = await self._once(account_id, version)
        if outcome is Renewal.LATER:
            until = self._now() + self._config.renew_retry_s
            await self._pool.change(account_id, partial(resting, version=version, until=until))
        return outcome

    def _has_just_failed(self, held: Credential) -> bool:
        if held.trouble is None or held.tried_at is None:
            return False
        return 0 <= self._now() - held.tried_at < self._config.renew_retry_s / 2

    async def _once(self, account_id: str, version: int) -> Renewal:
        """Join the renewal of the account that runs on this node, or begin it."""
        task = self._tasks.get(account_id)
        if task is None:
            if not self._is_open:
                return Renewal.LATER
            task = self._group.create_task(self._safely(account_id, version), name=f"renew {account_id}")
            self._tasks[account_id] = task
            task.add_done_callback(lambda _: self._tasks.pop(account_id, None))
        return await asyncio.shield(task)

    async def _safely(self, account_id: str, version: int) -> Renewal:
        try:
            return await self._renew(account_id, version)
        except GatewayError as error:
            log.warning("credential was not renewed", account_id=account_id, error=error.message)
        except Exception:
            log.exception("renewing broke", account_id=account_id)
        return Renewal.LATER

    async def _renew(self, account_id: str, version: int) -> Renewal:
        me, limit_s, now_s = new_id("renewal"), self._config.renew_call_s, self._now()
        claim = partial(claimed, version=version, by=me, now_s=now_s, until=now_s + limit_s + _CLAIM_MARGIN_S)
        account = await self._pool.change(account_id, claim)
        upstream = self._upstreams.get(account.upstream) if account is not None else None
        if account is None or upstream is None:
            return Renewal.REFUSED
        if account.credential.refreshing_by != me or account.credential.version != version:
            return await self._outcome_of_another(account_id, version)
        try:
            async with asyncio.timeout(limit_s):
                following = await upstream.renew(account.credential, account.proxy)
        except GatewayError as error:
            return await self._failed(account_id, version, error.message, error.kind)
        except TimeoutError:
            return await self._failed(account_id, version, f"nothing came within {limit_s:.0f} s.", None)
        await self._keep(account_id, partial(renewed, version=version, following=following))
        log.info("credential renewed", account_id=account_id, expires_at=following.expires_at)
        return Renewal.DONE

    async def _failed(self, account_id: str, version: int, message: str, kind: ErrorKind | None) -> Renewal:
        log.warning("credential was not renewed", account_id=account_id, error=message)
        if kind is ErrorKind.ACCOUNT_AUTH:
            now_s = self._now()
            await self._keep(account_id, partial(refused, version=version, message=message, now_s=now_s))
            return Renewal.REFUSED
        await self._keep(account_id, partial(unanswered, version=version, message=message))
        return Renewal.LATER

    async def _keep(self, account_id: str, decide: Callable[[Account], Account]) -> None:
        """Store what happened, outlasting an absence of the store: it may be the only copy."""
        give_up_at = boottime() + self._config.renew_keep_s
        tries = 0
        while True:
            tries += 1
            try:
                await self._pool.change(account_id, decide)
            except GatewayError as error:
                if error.kind is not ErrorKind.STORE_UNAVAILABLE or boottime() > give_up_at:
                    raise
                await asyncio.sleep(backoff_s(tries, base_s=0.1, cap_s=5.0))
            else:
                return

    async def _outcome_of_another(self, account_id: str, version: int) -> Renewal:
        """Wait a while for whoever holds the claim; he may have died with it, and callers are waiting."""
        give_up_at = boottime() + self._config.renew_wait_s
        while boottime() < give_up_at:
            account = await self._pool.fresh(account_id)
            if account is None or account.credential.is_refused:
                return Renewal.REFUSED
            if account.credential.version != version:
                return Renewal.DONE
            if not _is_claimed(account.credential, self._now()):
                return Renewal.LATER
            await asyncio.sleep(_LOOK_AGAIN_S)
        return Renewal.LATER
