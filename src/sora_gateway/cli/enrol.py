"""Turn what the backend says about a credential into an account's record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from sora_gateway.domain.accounts import (
    DEFAULT_SLOTS,
    Account,
    AccountFacts,
    Credential,
    CredentialForm,
    known_by,
    reopened,
    with_facts,
)
from sora_gateway.domain.media import MediaKind
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.stores import AccountStore

__all__ = ["UPSTREAM", "Choices", "account_id", "new_account", "read_proxy", "renewed", "save", "with_facts"]

UPSTREAM = "sora_web"
_PROXIES = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the operator decided; None keeps what the account has, or takes the default for a new one.

    ``proxy``: an empty one takes the account's away.
    """

    name: str | None = None
    groups: tuple[str, ...] | None = None
    video_slots: int | None = None
    image_slots: int | None = None
    proxy: Secret | None = None

    def slots(self, before: Mapping[MediaKind, int]) -> dict[MediaKind, int]:
        """Return how many tasks of each kind may run at once."""
        chosen = {MediaKind.VIDEO: self.video_slots, MediaKind.IMAGE: self.image_slots}
        return {kind: before.get(kind, 0) if slots is None else slots for kind, slots in chosen.items()}

    def proxy_after(self, before: Secret | None) -> Secret | None:
        """Return the proxy of an account that had ``before``."""
        if self.proxy is None:
            return before
        return self.proxy if self.proxy.reveal() else None


def read_proxy(text: str) -> Secret:
    """Return the proxy at the address ``text``; empty means none.

    Raises:
        ValueError: the address cannot be used; the message does not repeat it, it may hold a password.
    """
    text = text.strip()
    if not text:
        return Secret("")
    try:
        parts = urlsplit(text)
        is_right = parts.scheme in _PROXIES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right:
        raise ValueError(f"A proxy is given as {', '.join(_PROXIES)}, then ://host:port.")
    return Secret(text)


def new_account(
    facts: AccountFacts, credential: Credential, choices: Choices, now_s: float, digest: str | None = None
) -> Account:
    """Return the record of an account that is not known yet."""
    account = Account(
        id=account_id(facts),
        upstream=UPSTREAM,
        backend_id=facts.backend_id,
        credential=credential,
        name=choices.name or "",
        groups=choices.groups or (),
        slots=choices.slots(DEFAULT_SLOTS),
        created_at=now_s,
        proxy=choices.proxy_after(None),
    )
    return with_facts(known_by(account, digest), facts)


def renewed(
    before: Account,
    facts: AccountFacts,
    credential: Credential,
    choices: Choices,
    digest: str | None = None,
) -> Account:
    """Return the account with ``credential`` and its settings kept, but for ``choices``."""
    held = before.credential
    # An access token that is the account's own already takes nothing away from what renews it.
    is_same = credential.access_token == held.access_token and credential.form in (
        held.form,
        CredentialForm.ACCESS,
    )
    if not is_same:
        before = reopened(before)
        held = replace(credential, version=max(held.version, credential.version) + 1)
    account = replace(
        before,
        credential=held,
        name=before.name if choices.name is None else choices.name,
        groups=before.groups if choices.groups is None else choices.groups,
        slots=choices.slots(before.slots),
        proxy=choices.proxy_after(before.proxy),
    )
    return with_facts(known_by(account, digest), facts)


def account_id(facts: AccountFacts) -> str:
    """Return the id of the account that the facts are about."""
    return f"{UPSTREAM}:{facts.backend_id}"


async def save(
    store: AccountStore,
    facts: AccountFacts,
    credential: Credential,
    choices: Choices,
    now_s: float,
    digest: str | None = None,
) -> tuple[Account, bool]:
    """Store the account, new or with a new credential; return it and whether it is new."""

    def decide(before: Account) -> Account:
        return renewed(before, facts, credential, choices, digest)

    account = await store.change(account_id(facts), decide)
    if account is not None:
        return account, False
    account = new_account(facts, credential, choices, now_s, digest)
    await store.put(account)
    return account, True
