"""Read credentials that a person gives: one per line.

A token's claims are read without proof of their signature, so they decide nothing: they only stand in for the
backend's own words where the person asked for no check.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sora_gateway.domain.accounts import AccountFacts, CredentialForm, Plan, credential_form
from sora_gateway.kit.redact import Secret

_PROFILE = "https://api.openai.com/profile"
_AUTH = "https://api.openai.com/auth"
_RIGHT = (
    "Give an access token (it begins with eyJ and has three parts with dots between them), a refresh token "
    "(rt_...) or a session cookie (__Secure-next-auth.session-token=...)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One line: its number, and the credential and its form, or what is wrong with it."""

    line: int
    token: Secret | None = None
    form: CredentialForm | None = None
    problem: str | None = None


def read_tokens(text: str) -> tuple[Given, ...]:
    """Return what stands on each line; empty lines, comments (#) and repeated tokens are left out."""
    seen: set[str] = set()
    found = []
    for number, raw in enumerate(text.splitlines(), start=1):
        word = raw.strip().removeprefix("Bearer ").removeprefix("Cookie:").strip().strip("\"',")
        if not word or word.startswith("#") or word in seen:
            continue
        seen.add(word)
        form = credential_form(word)
        if form is None:
            found.append(Given(line=number, problem=problem_of(word)))
        else:
            found.append(Given(line=number, token=Secret(word), form=form))
    return tuple(found)


def problem_of(word: str) -> str:
    """Return why ``word`` is no credential."""
    if word.startswith("sg-"):
        return f"This is a licence key of a gateway, not a credential of the backend. {_RIGHT}"
    return f"This is no credential. {_RIGHT}"


def facts_in(token: Secret) -> AccountFacts | None:
    """Return what the token says about its owner; None if it does not say who that is."""
    claims = _claims(token.reveal())
    auth, profile = _inner(claims, _AUTH), _inner(claims, _PROFILE)
    user_id = auth.get("chatgpt_user_id") or auth.get("user_id") or claims.get("sub")
    if not isinstance(user_id, str) or not user_id:
        return None
    email, plan = profile.get("email"), auth.get("chatgpt_plan_type")
    expires_at, issued_at = claims.get("exp"), claims.get("iat")
    return AccountFacts(
        backend_id=user_id,
        email=email if isinstance(email, str) else None,
        plan=Plan(plan) if plan in {known.value for known in Plan} else Plan.FREE,
        expires_at=float(expires_at) if isinstance(expires_at, int | float) else None,
        issued_at=float(issued_at) if isinstance(issued_at, int | float) else None,
    )


def _claims(token: str) -> Mapping[str, Any]:
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, IndexError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}


def _inner(claims: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = claims.get(name)
    return value if isinstance(value, dict) else {}
