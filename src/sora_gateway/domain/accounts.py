"""Upstream accounts: who they are, what they may do, how they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sora_gateway.domain.media import MediaKind
from sora_gateway.kit.redact import Secret


class Plan(StrEnum):
    """A subscription, in rising order of what it may do (``team`` and ``business`` stand beside ``plus``)."""

    FREE = "free"
    PLUS = "plus"
    TEAM = "team"
    BUSINESS = "business"
    PRO = "pro"

    def covers(self, needed: Plan) -> bool:
        """Tell whether an account of this plan can run what needs ``needed``."""
        return _RANK[self] >= _RANK[needed]


_RANK = {Plan.FREE: 0, Plan.PLUS: 1, Plan.TEAM: 1, Plan.BUSINESS: 1, Plan.PRO: 2}


class AccountState(StrEnum):
    """How an account is. ``busy`` is not stored: it follows from its slots."""

    READY = "ready"
    COOLING = "cooling"
    EXHAUSTED = "exhausted"
    AUTH_FAILED = "auth_failed"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What opens an account. ``version`` rises with every change, so a late writer can be refused."""

    access_token: Secret
    version: int = 1
    expires_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of one upstream. ``id`` is ``{upstream}:{the backend's own user id}``.

    ``state`` other than ready holds until ``until`` (None: until a person changes it); ``reason`` says why.
    ``slots`` is how many tasks of a kind may run at once.
    """

    id: str
    upstream: str
    backend_id: str
    credential: Credential
    name: str = ""
    email: str | None = None
    plan: Plan = Plan.FREE
    groups: tuple[str, ...] = ()
    slots: Mapping[MediaKind, int] = field(default_factory=lambda: dict(DEFAULT_SLOTS))
    state: AccountState = AccountState.READY
    reason: str | None = None
    until: float | None = None
    created_at: float = 0.0
    last_used_at: float | None = None
    videos_remaining: int | None = None
    quota_resets_at: float | None = None
    proxy: Secret | None = None

    def is_usable(self, now_s: float) -> bool:
        """Tell whether new work may be given to the account at ``now_s``."""
        if self.state is AccountState.READY:
            return True
        if self.state in (AccountState.COOLING, AccountState.EXHAUSTED):
            return self.until is not None and self.until <= now_s
        return False


DEFAULT_SLOTS: Mapping[MediaKind, int] = {MediaKind.VIDEO: 3, MediaKind.IMAGE: 1}
BUILT_IN_GROUPS = frozenset(plan.value for plan in Plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """What the backend says about the owner of a credential."""

    backend_id: str
    email: str | None
    plan: Plan
    expires_at: float | None
    videos_remaining: int | None = None
    quota_resets_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The video quota as the backend reports it beside an answer."""

    videos_remaining: int | None
    resets_at: float | None
    is_exhausted: bool = False
