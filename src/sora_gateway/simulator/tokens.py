"""Mint and read the simulator's own bearer tokens: HS256 JWTs with the claims of section 1.1.

Source: Sora web protocol, section 1.1. Example of the claims:
``{"exp": 1775901600, "iat": 1775037600, "client_id": "app_…",
"https://api.openai.com/profile": {"email": "…", "email_verified": true},
"https://api.openai.com/auth": {"chatgpt_plan_type": "plus", "chatgpt_user_id": "user-…"}}``
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

_HEADER = {"alg": "HS256", "typ": "JWT"}
_PROFILE = "https://api.openai.com/profile"
_AUTH = "https://api.openai.com/auth"
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a token says about its bearer."""

    user_id: str
    email: str
    plan: str
    client_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The claims the simulator acts on."""

    user_id: str
    expires_at: float


class TokenMint:
    """Signs tokens with one secret and recognises them again."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._known: OrderedDict[str, Claims] = OrderedDict()

    def mint(self, identity: Identity, *, issued_at: float, life_s: float) -> str:
        """Return a JWT for ``identity`` that lives ``life_s`` seconds from ``issued_at``."""
        claims = {
            "exp": int(issued_at + life_s),
            "iat": int(issued_at),
            "client_id": identity.client_id,
            _PROFILE: {"email": identity.email, "email_verified": True},
            _AUTH: {"chatgpt_plan_type": identity.plan, "chatgpt_user_id": identity.user_id},
        }
        signed = f"{_encode(_dump(_HEADER))}.{_encode(_dump(claims))}"
        return f"{signed}.{_encode(self._signature(signed))}"

    def read(self, token: str) -> Claims | None:
        """Return the claims of a token this mint signed, expired or not; else ``None``."""
        known = self._known.get(token)
        if known is not None:
            return known
        claims = self._verify(token)
        if claims is not None:
            self._known[token] = claims
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return claims

    def _verify(self, token: str) -> Claims | None:
        signed, _, signature = token.rpartition(".")
        try:
            if not hmac.compare_digest(_decode(signature), self._signature(signed)):
                return None
            claims = json.loads(_decode(signed.partition(".")[2]))
            return Claims(user_id=claims[_AUTH]["chatgpt_user_id"], expires_at=float(claims["exp"]))
        except (ValueError, KeyError, TypeError, binascii.Error):
            return None

    def _signature(self, signed: str) -> bytes:
        return hmac.new(self._secret, signed.encode(), hashlib.sha256).digest()


def expiry(token: str) -> float:
    """Return the ``exp`` of a well-formed token without checking its signature."""
    return float(json.loads(_decode(token.split(".")[1]))["exp"])


def _dump(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
