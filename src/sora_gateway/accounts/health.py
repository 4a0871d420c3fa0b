"""Say how an account is after what the backend did. Pure: the caller stores the answer.

Only the account's own trouble puts it aside. Refused content, a backend under load and a failed generation
say nothing about the account. A 429 never disables it. What a person or a dead credential decided (disabled,
auth_failed) is not changed by later errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sora_gateway.domain.accounts import Account, AccountState, Balance
from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.model_names import Family
from sora_gateway.domain.requests import GenerationRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What an error does to the account.

    ``rest_s`` is how long it lasts where the backend did not say, None: it then has no effect at all.
    ``margin_s`` is added to what the backend said. ``is_lasting``: a person or a new credential ends it.
    """

    state: AccountState
    reason: str
    rest_s: float | None = None
    margin_s: float = 0.0
    is_lasting: bool = False


EFFECTS: Mapping[ErrorKind, Effect] = {
    ErrorKind.ACCOUNT_RATE_LIMITED: Effect(
        state=AccountState.COOLING, reason="the backend limits the pace", rest_s=60.0
    ),
    # Its slots are taken by tasks that we do not see yet: a short rest lets the job go elsewhere.
    ErrorKind.ACCOUNT_BUSY: Effect(
        state=AccountState.COOLING, reason="too many parallel tasks at the backend", rest_s=10.0
    ),
    # Edge pages and countries come with a time; a stale sentinel value is nobody's fault and comes without.
    ErrorKind.UPSTREAM_BLOCKED: Effect(state=AccountState.COOLING, reason="the backend's edge blocks us"),
    ErrorKind.ACCOUNT_EXHAUSTED: Effect(
        state=AccountState.EXHAUSTED, reason="quota used up", rest_s=3600.0, margin_s=60.0
    ),
    ErrorKind.ACCOUNT_AUTH: Effect(
        state=AccountState.AUTH_FAILED, reason="credential expired or revoked", is_lasting=True
    ),
}
"""Every other kind leaves the account as it is."""

_KEPT = frozenset({AccountState.AUTH_FAILED, AccountState.DISABLED})


def after_error(
    account: Account,
    error_kind: ErrorKind,
    until: float | None,
    now_s: float,
    *,
    kind: MediaKind | None = None,
) -> Account:
    """Return the account after an error of the backend; ``until`` is when that said to come back.

    ``kind`` is what was asked for: with the quota of videos used up, images go on (see ``choice``). A longer
    rest is never shortened.
    """
    effect = EFFECTS.get(error_kind)
    if effect is None or account.state in _KEPT:
        return account
    until = until if until is not None and until > now_s else None
    if effect.is_lasting:
        return replace(account, state=effect.state, reason=effect.reason, until=None)
    if error_kind is ErrorKind.ACCOUNT_EXHAUSTED:
        remaining = 0 if kind is MediaKind.VIDEO else None
        resets_at = until if until is not None else now_s + (effect.rest_s or 0.0)
        account = replace(account, videos_remaining=remaining, quota_resets_at=resets_at)
    return _resting(account, effect, until, now_s)


def after_balance(account: Account, balance: Balance, now_s: float) -> Account:
    """Return the account with the quota as the backend reports it; what it does not say stays.

    A quota that is used up makes the account exhausted, one that is back makes it ready.
    """
    remaining = account.videos_remaining if balance.videos_remaining is None else balance.videos_remaining
    resets_at = account.quota_resets_at if balance.resets_at is None else balance.resets_at
    account = replace(account, videos_remaining=remaining, quota_resets_at=resets_at)
    if balance.is_exhausted:
        return after_error(
            account, ErrorKind.ACCOUNT_EXHAUSTED, balance.resets_at, now_s, kind=MediaKind.VIDEO
        )
    if account.state is AccountState.EXHAUSTED and (balance.videos_remaining or 0) > 0:
        return _ready(account)
    return account


_PRICES: Mapping[str, Mapping[int, int]] = {
    "plain": {10: 1, 15: 2, 25: 3},
    "pro": {10: 2, 15: 4, 25: 12},
    "hd": {10: 5, 15: 10},
}
"""What the backend takes from the quota by seconds (Sora web protocol, section 6.1)."""


def videos_spent(request: GenerationRequest) -> int:
    """Return how many videos of the quota a creation of ``request`` takes; only Sora 2 has one.

    Lengths between two rows cost as the shorter one: too little is put right by the backend's next answer,
    too much would leave an account idle.
    """
    if request.kind is not MediaKind.VIDEO or request.family is not Family.VIDEO2:
        return 0
    prices = _PRICES["hd" if request.hd else "pro" if request.pro else "plain"]
    return max(price for seconds, price in prices.items() if seconds <= max(10, request.duration_s or 10))


def after_use(account: Account, balance: Balance | None, spent: int, now_s: float) -> Account:
    """Return the account after a creation that took ``spent`` videos, and what the answer said of the rest.

    An answer without a number leaves it to us to count: from the last number that the backend gave, never
    below zero. What comes back as the window rolls on is learned from the backend alone.
    """
    account = replace(account, last_used_at=now_s)
    if (balance is None or balance.videos_remaining is None) and account.videos_remaining is not None:
        account = replace(account, videos_remaining=max(0, account.videos_remaining - spent))
    return account if balance is None else after_balance(account, balance, now_s)


def settle(account: Account, now_s: float) -> Account:
    """Return the account as ready if its rest is over, else unchanged."""
    if account.state in (AccountState.COOLING, AccountState.EXHAUSTED) and account.is_usable(now_s):
        return _ready(account)
    return account


def _ready(account: Account) -> Account:
    return replace(account, state=AccountState.READY, reason=None, until=None)


def _resting(account: Account, effect: Effect, until: float | None, now_s: float) -> Account:
    if until is not None:
        ends_at = until + effect.margin_s
    elif effect.rest_s is not None:
        ends_at = now_s + effect.rest_s
    else:
        return account
    is_resting = account.state is not AccountState.READY and account.until is not None
    if is_resting and (account.until or 0.0) >= ends_at:
        return account
    return replace(account, state=effect.state, reason=effect.reason, until=ends_at)
