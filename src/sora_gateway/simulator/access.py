"""Judge who calls: the bearer token and the sentinel header.

Sora web protocol, sections 1.1 and 2, and the catalogue of section 11.1.
"""

from __future__ import annotations

from collections.abc import Mapping

from sora_gateway.simulator.backend import Backend
from sora_gateway.simulator.errors import refusal
from sora_gateway.simulator.records import Account
from sora_gateway.simulator.scenario import Sentinel


def authenticate(backend: Backend, authorization: str | None, now: float) -> Account:
    """Return the account of a bearer token.

    Raises:
        RefusalError: 401, the token is missing, ``token_expired`` or ``token_invalidated``.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise refusal("missing_bearer")
    claims = backend.mint.read(token.strip())
    account = backend.state.accounts.get(claims.user_id) if claims else None
    if claims is None or account is None or account.settings.revoked:
        raise refusal("token_invalidated")
    if now >= claims.expires_at:
        raise refusal("token_expired")
    return account


def check_sentinel(policy: Sentinel, headers: Mapping[str, str]) -> None:
    """Let a call pass whose sentinel header satisfies the scenario's policy.

    Raises:
        RefusalError: 400 ``sentinel_block``.
    """
    value = headers.get("openai-sentinel-token", "")
    if policy.refused_containing and policy.refused_containing in value:
        raise refusal("sentinel_block")
    if policy.required and not value.strip():
        raise refusal("sentinel_block")
    if policy.required and policy.device_id_required and not headers.get("oai-device-id"):
        raise refusal("sentinel_block")
