"""Bearer tokens: the claims of Sora web protocol, section 1.1."""

from __future__ import annotations

import base64
import json

import pytest

from sora_gateway.simulator.tokens import Claims, Identity, TokenMint, expiry

WHO = Identity(user_id="user-1", email="a@example.org", plan="pro", client_id="app_1")


def test_claims_are_those_of_the_document() -> None:
    """Names, nesting and types, with the padding-free base64url of a JWT."""
    token = TokenMint(b"s").mint(WHO, issued_at=1000.9, life_s=60)
    head, body, _ = token.split(".")
    assert "=" not in token
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"alg": "HS256", "typ": "JWT"}
    assert json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) == {
        "exp": 1060,
        "iat": 1000,
        "client_id": "app_1",
        "https://api.openai.com/profile": {"email": "a@example.org", "email_verified": True},
        "https://api.openai.com/auth": {"chatgpt_plan_type": "pro", "chatgpt_user_id": "user-1"},
    }
    assert expiry(token) == 1060


def test_own_tokens_are_read_and_remembered() -> None:
    """Expired or not: expiry is for the caller to judge."""
    mint = TokenMint(b"s")
    token = mint.mint(WHO, issued_at=0, life_s=1)
    assert mint.read(token) == mint.read(token) == Claims(user_id="user-1", expires_at=1.0)


@pytest.mark.parametrize("token", ["", "a.b.c", "ä.b.c", "x", "..", "YQ.YQ.YQ"])
def test_nonsense_is_no_token(token: str) -> None:
    """Anything that is not ours reads as none."""
    assert TokenMint(b"s").read(token) is None


def test_foreign_and_altered_tokens_are_refused() -> None:
    """Another secret, or a changed claim, breaks the signature."""
    mint = TokenMint(b"s")
    head, body, signature = mint.mint(WHO, issued_at=0, life_s=1).split(".")
    assert mint.read(TokenMint(b"other").mint(WHO, issued_at=0, life_s=1)) is None
    assert mint.read(f"{head}.{body[:-2]}AA.{signature}") is None


def test_memory_of_tokens_is_bounded() -> None:
    """Old tokens are read anew, not kept for ever."""
    mint = TokenMint(b"s")
    for number in range(5000):
        mint.read(mint.mint(WHO, issued_at=number, life_s=1))
    assert len(mint._known) == 4096
