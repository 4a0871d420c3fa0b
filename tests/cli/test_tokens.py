"""Prove which credentials are taken, and what a token says about its owner."""

from __future__ import annotations

import base64
import json

import pytest

from sora_gateway.cli.tokens import Given, facts_in, problem_of, read_tokens
from sora_gateway.domain.accounts import CredentialForm, Plan
from sora_gateway.kit.redact import Secret

COOKIE = "__Secure-next-auth.session-token=abc"


def token_of(**claims: object) -> str:
    """Return a token with these claims and no valid signature."""
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJub25lIn0.{body}.c2ln"


TOKEN = token_of(
    exp=1_800_000_000,
    iat=1_790_000_000,
    **{
        "https://api.openai.com/profile": {"email": "ann@example.org"},
        "https://api.openai.com/auth": {"chatgpt_user_id": "user-1", "chatgpt_plan_type": "plus"},
    },
)


@pytest.mark.parametrize(
    ("word", "why"),
    [("sg-abcdefgh", "licence key"), ("hello", "no credential"), ("eyJ..c", "no credential")],
)
def test_other_forms_are_refused(word: str, why: str) -> None:
    """A refusal says what was given and what would be right."""
    problem = problem_of(word)
    assert why in problem
    assert "begins with eyJ" in problem
    assert read_tokens(word) == (Given(line=1, problem=problem),)


def test_lines() -> None:
    """Lines keep their numbers; empty ones, comments and repetitions are left out."""
    text = (
        f"# mine\n\n{TOKEN}\n  Bearer {TOKEN}\nrt_x\n'{token_of(sub='u2')}',\nCookie: {COOKIE}; oai-did=1\nx"
    )
    given = read_tokens(text)
    assert [one.line for one in given] == [3, 5, 6, 7, 8]
    forms = [CredentialForm.ACCESS, CredentialForm.REFRESH, CredentialForm.ACCESS, CredentialForm.SESSION]
    assert [one.form for one in given] == [*forms, None]
    assert given[0].token == Secret(TOKEN)
    assert given[3].token == Secret(f"{COOKIE}; oai-did=1")
    assert TOKEN not in repr(given)


def test_facts() -> None:
    """Owner, plan, address and end are in the claims."""
    facts = facts_in(Secret(TOKEN))
    assert facts is not None
    assert (facts.backend_id, facts.email, facts.plan) == ("user-1", "ann@example.org", Plan.PLUS)
    assert (facts.expires_at, facts.issued_at) == (1_800_000_000, 1_790_000_000)


@pytest.mark.parametrize("text", ["a.b.c", token_of(exp=1), token_of(sub=5), "eyJ.W10.x", "x"])
def test_no_facts(text: str) -> None:
    """A token that does not say whose it is says nothing."""
    assert facts_in(Secret(text)) is None


def test_unknown_plan_is_free() -> None:
    """A plan that we do not know promises nothing."""
    facts = facts_in(
        Secret(token_of(sub="u", **{"https://api.openai.com/auth": {"chatgpt_plan_type": "gold"}}))
    )
    assert facts is not None
    assert facts.plan is Plan.FREE
