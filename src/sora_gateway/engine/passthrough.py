"""Let callers in by their own upstream credential, confirmed by the backend, each on his own account."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace

from sora_gateway.domain.accounts import (
    Account,
    AccountState,
    Credential,
    CredentialForm,
    credential_digest,
    known_by,
    reopened,
    with_facts,
)
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import NO_BOUNDS, Bounds, Caller, Permission
from sora_gateway.engine.arrivals import Arrivals, Opened, is_pending
from sora_gateway.engine.pool import AccountPool
from sora_gateway.kit.clock import Now
from sora_gateway.kit.redact import Secret
from sora_gateway.licences.licences import incorrect
from sora_gateway.ports.stores import JobStore
from sora_gateway.telemetry.logs import get_logger

log = get_logger(__name__)

CONFIRMED_S = 300.0
REFUSED_S = 30.0
_UNREACHABLE_S = 3.0
_AT_ONCE = 16
_MOST_WAITING = 256
_MOST_REMEMBERED = 10_000
_SWEEP_EVERY_S = 3600.0
_UNUSED_S = 30 * 24 * 3600.0
_NEVER_OPENED_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """What is remembered of a credential: a caller, or why there is none."""

    until: float
    caller: Caller | None = None
    refusal: GatewayError | None = None

    def answer(self) -> Caller:
        if self.caller is not None:
            return self.caller
        refused = self.refusal
        if refused is None:
            raise AssertionError("a verdict has one of the two")
        # A new one each time: an exception that is raised again gathers its old traces.
        raise GatewayError(
            refused.kind, refused.message, code=refused.code, retry_after_s=refused.retry_after_s
        )


def owner_of(name: str, backend_id: str) -> str:
    """Return who owns the jobs of a caller with his own account, whichever token he shows."""
    return f"passthrough:{name}:{backend_id}"


def account_id_of(name: str, backend_id: str) -> str:
    """Return the id of a caller's own account; the pool may have the same one under another id."""
    return f"{name}:own-{backend_id}"


def adopted(before: Account, opened: Opened, now_s: float) -> Account:
    """Return the account after its owner was confirmed by ``opened``; the better credential stays."""
    facts = opened.facts
    account = replace(known_by(before, opened.digest), last_used_at=now_s)
    if _is_better(opened.credential, before):
        version = max(before.credential.version, opened.credential.version) + 1
        account = replace(reopened(account), credential=replace(opened.credential, version=version))
    elif opened.credential.access_token != before.credential.access_token:
        facts = replace(facts, expires_at=None, issued_at=None)  # they speak of the other token
    return with_facts(account, facts)


def _is_better(new: Credential, before: Account) -> bool:
    held = before.credential
    if new.access_token == held.access_token:
        return False
    if before.state is AccountState.AUTH_FAILED or new.form is not CredentialForm.ACCESS:
        return True
    return not held.is_renewable and (new.expires_at or 0.0) > (held.expires_at or 0.0)


def is_unused(account: Account, now_s: float) -> bool:
    """Tell whether a caller's account was forgotten by its owner.

    A credential that never was exchanged is worth nothing; one that was may be the only living copy.
    """
    if account.owner is None:
        return False
    is_worthless = is_pending(account) and not account.credential.has_access
    last_at = max(account.last_used_at or 0.0, account.created_at)
    return now_s - last_at > (_NEVER_OPENED_S if is_worthless else _UNUSED_S)


class Passthrough:
    """Knows callers by their own credentials. A few are confirmed at once, each credential by one request."""

    def __init__(
        self,
        arrivals: Arrivals,
        pool: AccountPool,
        jobs: JobStore,
        upstreams: Collection[str],
        permissions: frozenset[Permission],
        now: Now,
        bounds: Bounds = NO_BOUNDS,
    ) -> None:
        self._arrivals = arrivals
        self._pool = pool
        self._jobs = jobs
        self._upstreams = tuple(upstreams)
        self._permissions = permissions
        self._bounds = bounds
        self._now = now
        self._known: dict[str, _Verdict] = {}
        self._asking: dict[str, asyncio.Event] = {}
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def caller(self, form: CredentialForm, given: str) -> Caller:
        """Return who shows the credential ``given``, confirmed within the last five minutes.

        Raises:
            GatewayError(unauthenticated): the backend does not take it.
            GatewayError(upstream_overloaded): nobody can tell at the moment (code ``upstream_unreachable``).
        """
        digest = credential_digest(given)
        while True:
            known = self._known.get(digest)
            if known is not None and self._now() < known.until:
                return known.answer()
            asking = self._asking.get(digest)
            if asking is None:
                break
            await asking.wait()
        if len(self._asking) >= _MOST_WAITING:
            raise _unreachable("Too many credentials are being confirmed.", 2.0)
        done = self._asking[digest] = asyncio.Event()
        try:
            async with self._room:
                verdict = await self._judged(form, Secret(given))
            self._remember(digest, verdict)
        finally:
            del self._asking[digest]
            done.set()
        return verdict.answer()

    async def run(self) -> None:
        """Remove the accounts that their owners have forgotten, for ever."""
        while True:
            try:
                await self.sweep()
            except GatewayError as error:
                log.warning("cannot sweep callers' accounts", error=error.message)
            await asyncio.sleep(_SWEEP_EVERY_S)

    async def sweep(self) -> None:
        """Remove callers' accounts that were unused for 30 days and have no jobs."""
        now_s = self._now()
        for account in await self._pool.stored():
            if is_unused(account, now_s) and not await self._jobs.lane_jobs(account.id):
                await self._pool.remove(account.id)
                log.info("unused account of a caller removed", account_id=account.id)

    def _remember(self, digest: str, verdict: _Verdict) -> None:
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[digest] = verdict

    async def _judged(self, form: CredentialForm, given: Secret) -> _Verdict:
        refusal: GatewayError | None = None
        for name in self._upstreams:
            try:
                caller = await self._confirmed(name, form, given)
            except GatewayError as error:
                if error.kind is ErrorKind.STORE_UNAVAILABLE:
                    raise
                if refusal is None or error.kind is not ErrorKind.ACCOUNT_AUTH:
                    refusal = error
            else:
                return _Verdict(until=self._now() + CONFIRMED_S, caller=caller)
        if refusal is None or refusal.kind is ErrorKind.ACCOUNT_AUTH:
            why = refusal.message if refusal is not None else "No backend is configured."
            refusal = incorrect(f"***. It is a credential of the backend's, which does not take it: {why}")
            return _Verdict(until=self._now() + REFUSED_S, refusal=refusal)
        return _Verdict(
            until=self._now() + _UNREACHABLE_S,
            refusal=_unreachable("The backend did not answer.", refusal.retry_after_s or _UNREACHABLE_S),
        )

    async def _confirmed(self, name: str, form: CredentialForm, given: Secret) -> Caller:
        opened = await self._arrivals.open(name, form, given, is_own=True)
        facts, now_s = opened.facts, self._now()
        owner, account_id = owner_of(name, facts.backend_id), account_id_of(name, facts.backend_id)
        await self._pool.add(
            Account(
                id=account_id,
                upstream=name,
                backend_id=facts.backend_id,
                credential=opened.credential,
                created_at=now_s,
                owner=owner,
            )
        )
        account = await self._pool.change(account_id, lambda before: adopted(before, opened, now_s))
        if account is None:
            raise _unreachable("The account was removed at this moment.", 1.0)
        await self._arrivals.settle(opened)
        log.info("caller let in by his own credential", account_id=account_id, form=form.value)
        return Caller(
            licence_id=owner, permissions=self._permissions, account_id=account_id, bounds=self._bounds
        )


def _unreachable(what: str, retry_after_s: float) -> GatewayError:
    return GatewayError(
        ErrorKind.UPSTREAM_OVERLOADED,
        f"{what} Your credential could not be confirmed; try again.",
        code=ErrorKind.UPSTREAM_UNREACHABLE.value,
        retry_after_s=retry_after_s,
    )
