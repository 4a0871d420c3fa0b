"""Open a credential that a person gives: exchange it once, keep the answer, ask whose account it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from sora_gateway.domain.accounts import (
    Account,
    AccountFacts,
    AccountState,
    Credential,
    CredentialForm,
    credential_digest,
    unopened,
)
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.engine.pool import AccountPool
from sora_gateway.engine.renewals import Renewal, Renewals
from sora_gateway.kit.clock import Now
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.upstream import Upstream

_CHECK_S = 45.0
PENDING = "pending"
"""Begins the backend id of an account whose owner the backend has not named yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A credential that works, and whose it is. ``digest`` knows again what was given for it."""

    credential: Credential
    facts: AccountFacts
    digest: str | None = None
    pending_id: str | None = None


def is_pending(account: Account) -> bool:
    """Tell whether the record only keeps a credential until its owner is known."""
    return account.backend_id.startswith(f"{PENDING}-")


class Arrivals:
    """Opens credentials for the pool, and for callers who bring their own; the two never meet.

    A refresh token dies when it is exchanged, so what is given is recorded first, and its successor in the
    same record before it is used. Giving the same again, after a crash or a year, finds the living one.
    """

    def __init__(
        self, pool: AccountPool, renewals: Renewals, upstreams: Mapping[str, Upstream], now: Now
    ) -> None:
        self._pool = pool
        self._renewals = renewals
        self._upstreams = upstreams
        self._now = now

    async def open(
        self, name: str, form: CredentialForm, given: Secret, *, is_own: bool, proxy: Secret | None = None
    ) -> Opened:
        """Return the living credential for ``given`` at the upstream ``name``, confirmed by it.

        The caller stores it in an account's record and then calls ``settle``. ``is_own``: it is a caller's.
        ``proxy`` None keeps that of a known one, an empty one takes it away.

        Raises:
            GatewayError(account_auth): the backend does not take it.
            GatewayError: the backend gave no answer, or none that says whose it is.
        """
        upstream = self._upstreams[name]
        if form is CredentialForm.ACCESS:
            credential = unopened(form, given)
            facts = await ask(upstream, credential, _used(proxy))
            times = {"expires_at": facts.expires_at, "issued_at": facts.issued_at}
            return Opened(credential=replace(credential, **times), facts=facts)  # type: ignore[arg-type]
        digest = credential_digest(given.reveal())
        known = await self._known(name, digest, is_own=is_own)
        if known is not None and proxy is not None and _used(proxy) != known.proxy:
            known = await self._pool.change(known.id, partial(_moved, proxy=_used(proxy)))
        account = known or await self._pool.add(
            Account(
                id=f"{name}:{'own-' if is_own else ''}{PENDING}-{digest[:32]}",
                upstream=name,
                backend_id=f"{PENDING}-{digest[:32]}",
                credential=unopened(form, given),
                state=AccountState.DISABLED,
                reason="the backend has not said yet whose it is",
                created_at=self._now(),
                last_used_at=self._now(),
                proxy=_used(proxy),
                given=(digest,),
                owner=f"passthrough:{name}:{PENDING}" if is_own else None,
            )
        )
        try:
            account, facts = await self.confirm(account)
        except GatewayError as error:
            if error.kind is not ErrorKind.ACCOUNT_AUTH or not is_pending(account):
                raise
            await self._forget_refused(account.id)
            # Another node may have exchanged it meanwhile and put its successor where it belongs.
            moved = await self._known(name, digest, is_own=is_own)
            if moved is None or moved.id == account.id:
                raise
            account, facts = await self.confirm(moved)
        return Opened(
            credential=account.credential,
            facts=facts,
            digest=digest,
            pending_id=account.id if is_pending(account) else None,
        )

    async def settle(self, opened: Opened) -> None:
        """Forget the record that kept the credential until it was stored in its account's own."""
        if opened.pending_id is not None:
            await self._pool.remove(opened.pending_id)

    async def confirm(self, account: Account) -> tuple[Account, AccountFacts]:
        """Return what the backend says about the account, whose credential is renewed once if it must be.

        Raises:
            GatewayError(account_auth): the credential is over.
            GatewayError: the backend gave no answer.
        """
        upstream = self._upstreams[account.upstream]
        if account.credential.has_access:
            try:
                return account, await ask(upstream, account.credential, account.proxy)
            except GatewayError as error:
                if error.kind is not ErrorKind.ACCOUNT_AUTH or not account.credential.is_renewable:
                    raise
        outcome = await self._renewals.renew_now(account.id, account.credential.version)
        after = await self._pool.fresh(account.id)
        if after is None or outcome is Renewal.REFUSED:
            trouble = after.credential.trouble if after is not None else None
            raise GatewayError(ErrorKind.ACCOUNT_AUTH, trouble or "The credential has expired.")
        if outcome is Renewal.LATER:
            message = after.credential.trouble or "The credential is being renewed elsewhere."
            raise GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, message, retry_after_s=30.0)
        return after, await ask(upstream, after.credential, after.proxy)

    async def _known(self, name: str, digest: str, *, is_own: bool) -> Account | None:
        while True:
            found = [
                account
                for account in await self._pool.stored()
                if account.upstream == name
                and digest in account.given
                and (account.owner is not None) == is_own
            ]
            account = min(found, key=lambda one: (is_pending(one), one.id), default=None)
            if account is None:
                return None
            fresh = await self._pool.fresh(account.id)
            if fresh is not None:
                return fresh
            # It was settled at this moment: the account's own record is there by now.

    async def _forget_refused(self, pending_id: str) -> None:
        account = await self._pool.fresh(pending_id)
        if account is not None and account.credential.is_refused:
            await self._pool.remove(pending_id)


def _used(proxy: Secret | None) -> Secret | None:
    return proxy if proxy is not None and proxy.reveal() else None


def _moved(account: Account, proxy: Secret | None) -> Account:
    """Return the account with another proxy, by which what has just failed may be tried at once."""
    return replace(account, proxy=proxy, credential=replace(account.credential, tried_at=None))


async def ask(upstream: Upstream, credential: Credential, proxy: Secret | None) -> AccountFacts:
    """Return what the backend says about the owner of ``credential``.

    Raises:
        GatewayError(upstream_unreachable): it does not answer in time.
        GatewayError: see ``Upstream.check``.
    """
    try:
        async with asyncio.timeout(_CHECK_S):
            return await upstream.check(credential, proxy)
    except TimeoutError:
        message = f"The backend did not answer within {_CHECK_S:.0f} s."
        raise GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, message) from None
