"""Upstream accounts: who they are, what they may do, how they are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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


class CredentialForm(StrEnum):
    """What a person can give to open an account."""

    ACCESS = "access token"
    REFRESH = "refresh token"
    SESSION = "session cookie"


_PART = re.compile(r"[A-Za-z0-9_-]+")
_COOKIE = re.compile(r"session-token(?:\.\d+)?=")


def credential_form(text: str) -> CredentialForm | None:
    """Tell what ``text`` is by its form alone; None: no credential of a backend."""
    if not text.isascii() or not text.isprintable():
        return None
    if _COOKIE.search(text):
        return CredentialForm.SESSION
    if text.startswith("rt_"):
        return CredentialForm.REFRESH if len(text) > len("rt_") and " " not in text else None
    parts = text.split(".")
    if not text.startswith("eyJ"):
        return None
    if len(parts) == 3 and all(_PART.fullmatch(part) for part in parts):
        return CredentialForm.ACCESS
    # The second part of an encrypted token may be empty.
    is_session = len(parts) == 5 and all(_PART.fullmatch(part) for part in parts if part)
    return CredentialForm.SESSION if is_session else None


def credential_digest(text: str) -> str:
    """Return by what a given credential is known again: its SHA-256 in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What opens an account. ``version`` rises with every change, so a late writer can be refused.

    ``refresh_token`` (which only ``client_id`` can use) or ``session_token`` (a bare value or a whole cookie
    line) gives the next access token. Until ``refreshing_until`` that is the business of ``refreshing_by``
    alone; ``tried_at`` is when it was last begun. ``trouble`` is what went wrong then; ``is_refused``: it
    cannot succeed any more, so the access token is the last one.
    """

    access_token: Secret
    refresh_token: Secret | None = None
    session_token: Secret | None = None
    client_id: str | None = None
    version: int = 1
    issued_at: float | None = None
    expires_at: float | None = None
    refreshing_until: float | None = None
    refreshing_by: str | None = None
    tried_at: float | None = None
    trouble: str | None = None
    is_refused: bool = False

    @property
    def form(self) -> CredentialForm:
        """What it was given as."""
        if self.refresh_token is not None:
            return CredentialForm.REFRESH
        return CredentialForm.ACCESS if self.session_token is None else CredentialForm.SESSION

    @property
    def is_renewable(self) -> bool:
        """Tell whether a new access token can be had for it."""
        return self.form is not CredentialForm.ACCESS and not self.is_refused

    @property
    def has_access(self) -> bool:
        """Tell whether there is an access token yet."""
        return self.access_token.reveal() != ""


def unopened(form: CredentialForm, given: Secret) -> Credential:
    """Return the credential that ``given`` is; only an access token can be used as it stands."""
    match form:
        case CredentialForm.ACCESS:
            return Credential(access_token=given)
        case CredentialForm.REFRESH:
            return Credential(access_token=Secret(""), refresh_token=given)
        case CredentialForm.SESSION:
            return Credential(access_token=Secret(""), session_token=given)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of one upstream. ``id`` is ``{upstream}:{the backend's own user id}``.

    ``state`` other than ready holds until ``until`` (None: until a person changes it); ``reason`` says why.
    ``slots`` is how many tasks of a kind may run at once. ``given`` are the digests of refresh tokens and
    cookies that it was added by, the latest last. ``owner``: it works for that caller alone.
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
    given: tuple[str, ...] = ()
    owner: str | None = None

    def room(self, kind: MediaKind) -> int:
        """Return how many tasks of ``kind`` may run at once."""
        return self.slots.get(kind, DEFAULT_SLOTS[kind] if kind is MediaKind.CHARACTER else 0)

    def is_usable(self, now_s: float) -> bool:
        """Tell whether new work may be given to the account at ``now_s``."""
        if self.state is AccountState.READY:
            return True
        if self.state in (AccountState.COOLING, AccountState.EXHAUSTED):
            return self.until is not None and self.until <= now_s
        return False


DEFAULT_SLOTS: Mapping[MediaKind, int] = {MediaKind.VIDEO: 3, MediaKind.IMAGE: 1, MediaKind.CHARACTER: 2}
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
    issued_at: float | None = None


BEING_RENEWED = "its credential is being renewed"
"""Why an account rests whose access token was refused while the next one is not there yet."""


def rests_for_credential(account: Account) -> bool:
    """Tell whether the account rests only until it has another access token."""
    whys = (BEING_RENEWED, account.credential.trouble)
    return account.state is AccountState.COOLING and account.reason is not None and account.reason in whys


def reopened(account: Account) -> Account:
    """Return the account as ready where only its credential kept it from that: it gets another one."""
    if account.state is not AccountState.AUTH_FAILED and not rests_for_credential(account):
        return account
    return replace(account, state=AccountState.READY, reason=None, until=None)


def with_facts(account: Account, facts: AccountFacts) -> Account:
    """Return the account as the backend describes it; a credential that opens is no longer a failed one."""
    account = reopened(account)
    before = account.credential
    credential = replace(
        before,
        expires_at=facts.expires_at or before.expires_at,
        issued_at=facts.issued_at or before.issued_at,
    )
    return replace(
        account,
        email=facts.email or account.email,
        plan=facts.plan,
        credential=credential,
        videos_remaining=facts.videos_remaining,
        quota_resets_at=facts.quota_resets_at,
    )


MOST_GIVEN = 16


def known_by(account: Account, digest: str | None) -> Account:
    """Return the account with ``digest`` as the latest of what it was added by."""
    if digest is None:
        return account
    others = tuple(one for one in account.given if one != digest)
    return replace(account, given=(*others, digest)[-MOST_GIVEN:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The video quota as the backend reports it beside an answer."""

    videos_remaining: int | None
    resets_at: float | None
    is_exhausted: bool = False
