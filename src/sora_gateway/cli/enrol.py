"""Turn what the backend says about a credential into an account's record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sora_gateway.domain.accounts import DEFAULT_SLOTS, Account, AccountFacts, AccountState, Credential
from sora_gateway.domain.media import MediaKind
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.stores import AccountStore

UPSTREAM = "sora_web"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the operator decided; None keeps what the account has, or takes the default for a new one."""

    name: str | None = None
    groups: tuple[str, ...] | None = None
    video_slots: int | None = None
    image_slots: int | None = None

    def slots(self, before: Mapping[MediaKind, int]) -> dict[MediaKind, int]:
        """Return how many tasks of each kind may run at once."""
        chosen = {MediaKind.VIDEO: self.video_slots, MediaKind.IMAGE: self.image_slots}
        return {kind: before.get(kind, 0) if slots is None else slots for kind, slots in chosen.items()}


def new_account(facts: AccountFacts, token: Secret, choices: Choices, now_s: float) -> Account:
    """Return the record of an account that is not known yet."""
    return with_facts(
        Account(
            id=account_id(facts),
            upstream=UPSTREAM,
            backend_id=facts.backend_id,
            credential=Credential(access_token=token, expires_at=facts.expires_at),
            name=choices.name or "",
            groups=choices.groups or (),
            slots=choices.slots(DEFAULT_SLOTS),
            created_at=now_s,
        ),
        facts,
    )


def renewed(before: Account, facts: AccountFacts, token: Secret, choices: Choices) -> Account:
    """Return the account with ``token`` as its credential and its settings kept, but for ``choices``."""
    version = before.credential.version + (token != before.credential.access_token)
    account = replace(
        before,
        credential=Credential(access_token=token, version=version, expires_at=facts.expires_at),
        name=before.name if choices.name is None else choices.name,
        groups=before.groups if choices.groups is None else choices.groups,
        slots=choices.slots(before.slots),
    )
    return with_facts(account, facts)


def with_facts(account: Account, facts: AccountFacts) -> Account:
    """Return the account as the backend describes it; a credential that opens is no longer a failed one."""
    if account.state is AccountState.AUTH_FAILED:
        account = replace(account, state=AccountState.READY, reason=None, until=None)
    return replace(
        account,
        email=facts.email or account.email,
        plan=facts.plan,
        credential=replace(account.credential, expires_at=facts.expires_at or account.credential.expires_at),
        videos_remaining=facts.videos_remaining,
        quota_resets_at=facts.quota_resets_at,
    )


def account_id(facts: AccountFacts) -> str:
    """Return the id of the account that the facts are about."""
    return f"{UPSTREAM}:{facts.backend_id}"


async def save(
    store: AccountStore, facts: AccountFacts, token: Secret, choices: Choices, now_s: float
) -> tuple[Account, bool]:
    """Store the account, new or with a new credential; return it and whether it is new."""
    account = await store.change(account_id(facts), lambda before: renewed(before, facts, token, choices))
    if account is not None:
        return account, False
    account = new_account(facts, token, choices, now_s)
    await store.put(account)
    return account, True
