"""Outside ``/backend``: the session cookie and the refresh token, each good for an access token.

Sora web protocol, sections 1.2 and 1.3.
"""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

from sora_gateway.simulator.clock import to_iso
from sora_gateway.simulator.endpoint import Answer, Call, Route, json_answer
from sora_gateway.simulator.errors import invalid, refusal
from sora_gateway.simulator.records import Account
from sora_gateway.simulator.tokens import expiry

COOKIE = "__Secure-next-auth.session-token"


async def get_session(call: Call) -> Answer:
    """``GET /api/auth/session``: a dead session is a 200 without an ``accessToken``."""
    account = call.backend.state.account_of_session(session_token(call.headers.get("cookie", "")))
    if account is None or account.settings.session == "empty":
        return json_answer({})
    settings = account.settings
    session_ends_at = account.created_at + settings.session_life_s
    if settings.session == "null" or settings.revoked or call.now >= session_ends_at:
        return json_answer(None)
    token = account.access_token if settings.session == "unchanged" else call.backend.mint_for(account)
    return json_answer(
        {
            "user": {
                "id": account.id,
                "name": account.name,
                "email": account.email,
                "image": None,
                "picture": None,
                "idp": "auth0",
                "iat": int(call.now),
                "mfa": False,
            },
            "expires": to_iso(session_ends_at, timespec="milliseconds"),
            "accessToken": token,
            "internalApiBase": None,
        }
    )


async def refresh(call: Call) -> Answer:
    """``POST /oauth/token``, JSON or form: the refresh token rotates and the old one dies."""
    fields = _fields(call)
    if fields.get("grant_type") != "refresh_token":
        raise invalid("grant_type must be refresh_token.", "grant_type")
    given = fields.get("refresh_token", "")
    state = call.backend.state
    if given in state.spent_refresh_tokens:
        raise refusal("refresh_token_reused")
    account = state.account_of_refresh_token(given)
    if account is None or account.settings.revoked:
        raise refusal("refresh_token_invalidated")
    if fields.get("client_id") != account.settings.client_id:
        raise refusal("invalid_grant")
    access_token = call.backend.mint_for(account)
    successor = state.rotate(account, access_token)
    return json_answer(
        {
            "access_token": access_token,
            "refresh_token": successor,
            "id_token": access_token,
            "token_type": "Bearer",
            "expires_in": int(expiry(access_token) - call.now),
        }
    )


def session_token(cookie_line: str) -> str:
    """Return the session token of a cookie line, put together when it comes in numbered chunks."""
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(cookie_line)
    except CookieError:
        return ""
    if COOKIE in cookies:
        return cookies[COOKIE].value
    chunks: list[str] = []
    while (name := f"{COOKIE}.{len(chunks)}") in cookies:
        chunks.append(cookies[name].value)
    return "".join(chunks)


def _fields(call: Call) -> dict[str, Any]:
    if call.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(call.raw.decode("utf-8", "replace")))
    return call.json()


def describe(account: Account, access_token: str) -> dict[str, Any]:
    """Return an account with its credentials, as the control API lists it."""
    return {
        "name": account.name,
        "plan": account.settings.plan,
        "email": account.email,
        "username": account.username,
        "user_id": account.id,
        "client_id": account.settings.client_id,
        "access_token": access_token,
        "refresh_token": account.refresh_token,
        "session_token": account.session_token,
        "session_cookie": f"{COOKIE}={account.session_token}",
    }


ROUTES = (
    Route(method="GET", template="/api/auth/session", handler=get_session, needs_bearer=False),
    Route(method="POST", template="/oauth/token", handler=refresh, needs_bearer=False),
)
