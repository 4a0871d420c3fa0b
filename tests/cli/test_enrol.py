"""Prove what becomes of an account's record when a credential arrives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.cli.enrol import Choices, new_account, read_proxy, renewed, with_facts
from sora_gateway.domain.accounts import AccountFacts, AccountState, Credential, Plan
from sora_gateway.domain.media import MediaKind
from sora_gateway.kit.redact import Secret

FACTS = AccountFacts(
    backend_id="user-1", email="a@example.org", plan=Plan.PLUS, expires_at=9.0, videos_remaining=4
)


def token(text: str, refresh_token: str | None = None) -> Credential:
    """Return a credential."""
    return Credential(
        access_token=Secret(text), refresh_token=None if refresh_token is None else Secret(refresh_token)
    )


ONE = new_account(FACTS, token("t1"), Choices(name="one", groups=("team-a",), image_slots=2), 5.0)


def test_new_account() -> None:
    """Id, plan and quota come from the backend, the rest from the operator or the defaults."""
    assert ONE.id == "sora_web:user-1"
    assert (ONE.plan, ONE.videos_remaining, ONE.credential.expires_at) == (Plan.PLUS, 4, 9.0)
    assert ONE.slots == {MediaKind.VIDEO: 3, MediaKind.IMAGE: 2}
    assert (ONE.name, ONE.groups, ONE.credential.version) == ("one", ("team-a",), 1)


def test_new_credential_keeps_the_settings() -> None:
    """A new token raises the version and keeps name, groups and slots."""
    after = renewed(ONE, replace(FACTS, plan=Plan.PRO, expires_at=20.0), token("t2"), Choices())
    assert (after.credential.access_token, after.credential.version) == (Secret("t2"), 2)
    assert (after.name, after.groups, after.slots) == (ONE.name, ONE.groups, ONE.slots)
    assert (after.plan, after.credential.expires_at, after.created_at) == (Plan.PRO, 20.0, 5.0)


def test_same_credential_changes_nothing() -> None:
    """The same token again is no new version."""
    assert renewed(ONE, FACTS, token("t1"), Choices()) == ONE


def test_choices_win() -> None:
    """What the operator says now replaces what he said before, an empty list too."""
    after = renewed(ONE, FACTS, token("t1"), Choices(name="", groups=(), video_slots=0))
    assert (after.name, after.groups, after.slots[MediaKind.VIDEO]) == ("", (), 0)


def test_only_a_failed_credential_is_healed() -> None:
    """A credential that opens ends ``auth_failed``; what a person disabled stays disabled."""
    failed = replace(ONE, state=AccountState.AUTH_FAILED, reason="expired")
    assert with_facts(failed, FACTS) == ONE
    disabled = replace(ONE, state=AccountState.DISABLED, reason="by hand")
    assert with_facts(disabled, FACTS).state is AccountState.DISABLED


def test_an_access_token_takes_no_refresh_token_away() -> None:
    """The account's own access token, given alone, changes nothing; another one replaces all."""
    before = renewed(ONE, FACTS, token("t2", "rt_2"), Choices(), "digest")
    assert (before.credential.version, before.given) == (2, ("digest",))
    assert renewed(before, FACTS, token("t2"), Choices()).credential == before.credential
    assert renewed(before, FACTS, token("t3"), Choices()).credential.refresh_token is None


def test_proxy() -> None:
    """It is kept until another one, or none, is asked for."""
    proxied = renewed(ONE, FACTS, token("t1"), Choices(proxy=read_proxy("socks5h://u:p@host:1080")))
    assert proxied.proxy == Secret("socks5h://u:p@host:1080")
    assert renewed(proxied, FACTS, token("t1"), Choices()).proxy == proxied.proxy
    assert renewed(proxied, FACTS, token("t1"), Choices(proxy=read_proxy(""))).proxy is None


@pytest.mark.parametrize("text", ["host:80", "ftp://host", "http://", "socks5://host:0", "http://host:x"])
def test_no_proxy(text: str) -> None:
    """What cannot be used is refused; the message does not repeat it."""
    with pytest.raises(ValueError, match="socks5h") as caught:
        read_proxy(text)
    assert text not in str(caught.value)
