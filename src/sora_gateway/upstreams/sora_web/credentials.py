"""Turn a session cookie or a refresh token into the next access token.

Source: Sora web protocol, sections 1.1 to 1.3.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode, urlsplit

from sora_gateway.domain.accounts import Credential
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.kit.clock import Now
from sora_gateway.kit.redact import Secret
from sora_gateway.upstreams.sora_web.client import Client
from sora_gateway.upstreams.sora_web.config import SoraWebConfig
from sora_gateway.upstreams.sora_web.errors import to_error
from sora_gateway.upstreams.sora_web.fields import as_object, number, text
from sora_gateway.upstreams.sora_web.wire import Answer, UnreadableError, problem

COOKIE = "__Secure-next-auth.session-token"

CLIENTS: Mapping[str, str] = {
    "app_1LOVEceTvrP2tHFDNnrPLQkJ": "com.openai.sora://auth.openai.com/android/com.openai.sora/callback",
    "app_LlGpXReQgckcGGUo2JrYvtJK": "com.openai.chat://auth0.openai.com/ios/com.openai.chat/callback",
}
"""The known clients and their redirect addresses: a refresh token works only with the one it was made for."""

_SESSION_COOKIE = re.compile(rf"(?P<name>{re.escape(COOKIE)}(?:\.\d+)?)=(?P<value>[^;,\s]*)")
_OVER: Mapping[str, str] = {
    "refresh_token_expired": "The refresh token has expired.",
    "refresh_token_invalidated": "The refresh token was invalidated.",
    "refresh_token_reused": "The refresh token was used before: by another, or in a call without an answer.",
}
_OF_ANOTHER_CLIENT = frozenset({"invalid_grant", "invalid_client", "unauthorized_client"})
_NOT_UNDERSTOOD = frozenset({"invalid_request", "unsupported_grant_type"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """When an access token was made and when it ends, as it says itself."""

    issued_at: float | None = None
    expires_at: float | None = None


def lifetime(token: str) -> Lifetime:
    """Read the times in a JWT; anything else has none."""
    try:
        segment = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (IndexError, ValueError, binascii.Error, RecursionError):
        return Lifetime()
    found = as_object(claims) or {}
    return Lifetime(issued_at=number(found.get("iat")), expires_at=number(found.get("exp")))


def cookie_line(session: str) -> str:
    """Return the ``Cookie`` header of a session, which is given as a bare value or as a whole line."""
    return session if _SESSION_COOKIE.search(session) else f"{COOKIE}={session}"


def rotated(session: str, set_cookies: str) -> str:
    """Return the session as the answer's ``Set-Cookie`` headers, joined by commas, leave it.

    A bare value stays one, the other cookies of a line stay in it, numbered chunks are taken as they come.
    """
    fresh = {m["name"]: m["value"] for m in _SESSION_COOKIE.finditer(set_cookies) if m["value"]}
    if not fresh:
        return session
    if _SESSION_COOKIE.search(session) is None and set(fresh) == {COOKIE}:
        return fresh[COOKIE]
    kept = [part.strip() for part in session.split(";")] if _SESSION_COOKIE.search(session) else []
    others = [part for part in kept if part and not _SESSION_COOKIE.match(part)]
    return "; ".join([*(f"{name}={value}" for name, value in sorted(fresh.items())), *others])


class Exchange:
    """Asks for new access tokens. Nothing is repeated whose answer was lost."""

    def __init__(self, client: Client, config: SoraWebConfig, now: Now) -> None:
        self._client = client
        self._config = config
        self._now = now

    async def renew(self, credential: Credential, proxy: Secret | None) -> Credential:
        """Return the credential that follows; the session is asked first, then the refresh token.

        Raises:
            GatewayError(account_auth): neither works any more, or there is neither.
            GatewayError: see ``ports.upstream.Upstream.renew``.
        """
        if credential.session_token is not None:
            try:
                return await self._by_session(credential, credential.session_token, proxy)
            except GatewayError as error:
                if error.kind is not ErrorKind.ACCOUNT_AUTH or credential.refresh_token is None:
                    raise
        if credential.refresh_token is not None:
            return await self._by_refresh_token(credential, credential.refresh_token, proxy)
        raise GatewayError(ErrorKind.ACCOUNT_AUTH, "An access token alone cannot be renewed.")

    async def _by_session(self, credential: Credential, session: Secret, proxy: Secret | None) -> Credential:
        parts = urlsplit(self._config.session_url)
        origin = f"{parts.scheme}://{parts.netloc}"
        headers = {
            "accept": "application/json",
            "cookie": _sendable(cookie_line(session.reveal())),
            "origin": origin,
            "referer": f"{origin}/",
            "user-agent": self._config.user_agent,
        }
        answer = await self._client.exchange(session, proxy, "GET", self._config.session_url, headers)
        token = self._found(answer, "accessToken")
        if token is None:
            raise GatewayError(
                ErrorKind.ACCOUNT_AUTH, "The session has ended; log in again and give its new cookie."
            )
        left = rotated(session.reveal(), answer.headers.get("set-cookie", ""))
        return _following(credential, token, session_token=Secret(left))

    async def _by_refresh_token(
        self, credential: Credential, refresh_token: Secret, proxy: Secret | None
    ) -> Credential:
        for client_id in _order(credential.client_id):
            fields = {
                "client_id": client_id,
                "grant_type": "refresh_token",
                "redirect_uri": CLIENTS.get(client_id, ""),
                "refresh_token": _sendable(refresh_token.reveal()),
            }
            answer = await self._post(refresh_token, proxy, fields)
            code = problem(answer).error_code
            if code in _OVER:
                raise GatewayError(ErrorKind.ACCOUNT_AUTH, _OVER[code])
            if answer.status in (400, 401, 403) and code in _OF_ANOTHER_CLIENT:
                continue
            token = self._found(answer, "access_token")
            if token is None:
                raise GatewayError(ErrorKind.UPSTREAM_OVERLOADED, "The answer to the refresh has no token.")
            successor = text(_object(answer).get("refresh_token"))
            return _following(
                credential,
                token,
                refresh_token=Secret(successor) if successor else refresh_token,
                client_id=client_id,
            )
        raise GatewayError(
            ErrorKind.ACCOUNT_AUTH, "The refresh token is not valid, or it is of a client that is not known."
        )

    async def _post(self, key: Secret, proxy: Secret | None, fields: Mapping[str, str]) -> Answer:
        """Send the fields as JSON, and as a form to a server that does not understand that (C4)."""
        headers = {"accept": "application/json", "user-agent": self._config.user_agent}
        url = self._config.oauth_url
        as_json = headers | {"content-type": "application/json"}
        answer = await self._client.exchange(key, proxy, "POST", url, as_json, json.dumps(fields).encode())
        is_understood = answer.status != 415 and problem(answer).error_code not in _NOT_UNDERSTOOD
        if answer.is_success or is_understood:
            return answer
        as_form = headers | {"content-type": "application/x-www-form-urlencoded"}
        return await self._client.exchange(key, proxy, "POST", url, as_form, urlencode(fields).encode())

    def _found(self, answer: Answer, name: str) -> Secret | None:
        """Return the token of a successful answer, None if it has none.

        Raises:
            GatewayError: the answer is an error, or a page.
        """
        if not answer.is_success or answer.is_page:
            raise to_error(answer, self._now())[0]
        token = text(_object(answer).get(name))
        return Secret(token) if token else None


def _object(answer: Answer) -> Mapping[str, object]:
    try:
        return as_object(answer.json()) or {}
    except UnreadableError:
        return {}


def _order(known: str | None) -> Sequence[str]:
    return (known,) if known is not None else tuple(CLIENTS)


def _sendable(value: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise GatewayError(ErrorKind.ACCOUNT_AUTH, "The credential holds characters that cannot be sent.")
    return value


def _following(credential: Credential, token: Secret, **changes: object) -> Credential:
    times = lifetime(token.reveal())
    return replace(
        credential,
        access_token=token,
        version=credential.version + 1,
        issued_at=times.issued_at,
        expires_at=times.expires_at,
        **changes,  # type: ignore[arg-type]
    )
