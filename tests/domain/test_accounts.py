"""Accounts: plans and whether new work may be given."""

from __future__ import annotations

import pytest

from sora_gateway.domain.accounts import (
    BUILT_IN_GROUPS,
    MOST_GIVEN,
    AccountFacts,
    AccountState,
    Credential,
    CredentialForm,
    Plan,
    credential_digest,
    credential_form,
    known_by,
    unopened,
    with_facts,
)
from sora_gateway.domain.media import MediaKind
from sora_gateway.kit.redact import Secret
from tests.domain.samples import NOW_S, account


@pytest.mark.parametrize(
    ("needed", "covering"),
    [
        (Plan.FREE, set(Plan)),
        (Plan.PLUS, {Plan.PLUS, Plan.TEAM, Plan.BUSINESS, Plan.PRO}),
        (Plan.PRO, {Plan.PRO}),
    ],
)
def test_plans_cover(needed: Plan, covering: set[Plan]) -> None:
    """Free below the paid ones, Pro above them."""
    assert {plan for plan in Plan if plan.covers(needed)} == covering


@pytest.mark.parametrize(
    ("state", "until", "is_usable"),
    [
        (AccountState.READY, None, True),
        (AccountState.COOLING, NOW_S + 1, False),
        (AccountState.COOLING, NOW_S, True),
        (AccountState.COOLING, None, False),
        (AccountState.EXHAUSTED, NOW_S + 1, False),
        (AccountState.EXHAUSTED, NOW_S - 1, True),
        (AccountState.AUTH_FAILED, None, False),
        (AccountState.AUTH_FAILED, NOW_S - 1, False),
        (AccountState.DISABLED, NOW_S - 1, False),
    ],
)
def test_usable(state: AccountState, until: float | None, is_usable: bool) -> None:
    """A rest ends by itself, what a person has to repair does not."""
    assert account(state=state, until=until).is_usable(NOW_S) is is_usable


def test_defaults() -> None:
    """Three videos and one image at once; the token never shows."""
    plain = account()
    assert plain.slots == {MediaKind.VIDEO: 3, MediaKind.IMAGE: 1, MediaKind.CHARACTER: 2}
    assert "token-a" not in repr(plain)
    assert {"free", "plus", "team", "business", "pro"} == BUILT_IN_GROUPS


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("eyJhbGciOi.eyJleHAi.c2ln", CredentialForm.ACCESS),
        ("eyJhbGciOi.eyJleHAi", None),
        ("eyJhbGciOi..c2ln", None),
        ("abc.def.ghi", None),
        ("rt_abcdef", CredentialForm.REFRESH),
        ("rt_", None),
        ("rt_a b", None),
        ("eyJhbGciOi.a.b.c.d", CredentialForm.SESSION),
        ("eyJhbGciOi..b.c.d", CredentialForm.SESSION),
        ("a.b.c.d.e", None),
        ("__Secure-next-auth.session-token=abc", CredentialForm.SESSION),
        ("oai-did=1; __Secure-next-auth.session-token=abc", CredentialForm.SESSION),
        (
            "__Secure-next-auth.session-token.0=a; __Secure-next-auth.session-token.1=b",
            CredentialForm.SESSION,
        ),
        ("session-token", None),
        ("sg-0123456789abcdef", None),
        ("sk-0123456789abcdef", None),
        ("rt_ä", None),
        ("rt_a\nb", None),
        ("", None),
    ],
)
def test_forms(text: str, form: CredentialForm | None) -> None:
    """A credential is recognised by its form; nothing else is taken for one."""
    assert credential_form(text) is form
    if form is not None:
        assert unopened(form, Secret(text)).form is form


def test_what_can_be_renewed() -> None:
    """An access token cannot, and nothing can that was refused for good."""
    assert not Credential(access_token=Secret("a")).is_renewable
    given = unopened(CredentialForm.REFRESH, Secret("rt_a"))
    assert (given.is_renewable, given.has_access) == (True, False)
    assert not Credential(access_token=Secret("a"), session_token=Secret("s"), is_refused=True).is_renewable
    assert "rt_a" not in repr(given)


def test_facts_describe() -> None:
    """The backend's words replace ours; what it does not say stays; only a failed credential is healed."""
    facts = AccountFacts(backend_id="a", email=None, plan=Plan.PRO, expires_at=9.0, issued_at=1.0)
    after = with_facts(account(email="a@b.c", state=AccountState.AUTH_FAILED, reason="x"), facts)
    assert (after.email, after.plan, after.state, after.reason) == (
        "a@b.c",
        Plan.PRO,
        AccountState.READY,
        None,
    )
    assert (after.credential.issued_at, after.credential.expires_at) == (1.0, 9.0)
    assert with_facts(account(state=AccountState.DISABLED), facts).state is AccountState.DISABLED


def test_what_it_was_added_by() -> None:
    """The latest digests are kept, each once."""
    one = account()
    assert known_by(one, None) is one
    for number in range(MOST_GIVEN + 3):
        one = known_by(one, credential_digest(str(number)))
    one = known_by(one, credential_digest("5"))
    assert len(one.given) == MOST_GIVEN
    assert one.given[-1] == credential_digest("5")
    assert len(set(one.given)) == MOST_GIVEN
