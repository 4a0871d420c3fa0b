"""The exchange of sessions and refresh tokens: sections 1.2 and 1.3, and what goes wrong with them."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import pytest

from sora_gateway.domain.accounts import Credential, CredentialForm, unopened
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.kit.redact import Secret
from sora_gateway.upstreams.sora_web.client import Client
from sora_gateway.upstreams.sora_web.config import SoraWebConfig
from sora_gateway.upstreams.sora_web.credentials import (
    CLIENTS,
    COOKIE,
    Exchange,
    cookie_line,
    lifetime,
    rotated,
)
from sora_gateway.upstreams.sora_web.wire import Answer
from tests.upstreams.sora_web.support import NOW, answer_of

ANDROID, IOS = CLIENTS


def jwt(**claims: Any) -> str:
    """Return a token with these claims."""
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOi.{body}.c2ln"


TOKEN = jwt(iat=NOW, exp=NOW + 100)


class Scripted(Client):
    """Answers from a script, and remembers what it was asked."""

    def __init__(self, *answers: Answer | GatewayError) -> None:
        super().__init__(SoraWebConfig())
        self.answers = list(answers)
        self.asked: list[tuple[str, str, dict[str, str], bytes | None]] = []
        self.proxies: list[Secret | None] = []

    async def exchange(
        self, key: Any, proxy: Any, method: str, url: str, headers: Any, content: Any = None
    ) -> Answer:
        self.asked.append((method, url, dict(headers), content))
        self.proxies.append(proxy)
        answer = self.answers.pop(0)
        if isinstance(answer, GatewayError):
            raise answer
        return answer


Talk = Callable[..., tuple[Exchange, Scripted]]


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    """Return what makes an exchange with a script."""
    clients: list[Scripted] = []

    def made(*answers: Answer | GatewayError) -> tuple[Exchange, Scripted]:
        client = Scripted(*answers)
        clients.append(client)
        return Exchange(client, SoraWebConfig(), lambda: NOW), client

    yield made
    for client in clients:
        await client.aclose()


@asynccontextmanager
async def refused(kind: ErrorKind) -> AsyncIterator[list[str]]:
    """Expect an error of that kind; the list gets its message."""
    messages: list[str] = []
    with pytest.raises(GatewayError) as caught:
        yield messages
    assert caught.value.kind is kind
    messages.append(caught.value.message)


def refresh_credential(**changes: Any) -> Credential:
    """Return one of a refresh token."""
    return Credential(
        **({"access_token": Secret("old"), "refresh_token": Secret("rt_1"), "version": 4} | changes)
    )


def session_credential(session: str = "value") -> Credential:
    """Return one of a session."""
    return unopened(CredentialForm.SESSION, Secret(session))


# --- reading ----------------------------------------------------------------------------------------------


def test_lifetime() -> None:
    """Both times are the token's own; what is no JWT has none."""
    times = lifetime(TOKEN)
    assert (times.issued_at, times.expires_at) == (NOW, NOW + 100)
    for text in ("", "a.b.c", "eyJ.W10.x", jwt(exp="x", iat=None)):
        assert (lifetime(text).issued_at, lifetime(text).expires_at) == (None, None)


@pytest.mark.parametrize(
    ("session", "line"),
    [
        ("abc", f"{COOKIE}=abc"),
        ("a.b.c.d.e==", f"{COOKIE}=a.b.c.d.e=="),
        (f"{COOKIE}=abc", f"{COOKIE}=abc"),
        (f"oai-did=1; {COOKIE}.0=a; {COOKIE}.1=b", f"oai-did=1; {COOKIE}.0=a; {COOKIE}.1=b"),
    ],
)
def test_cookie_line(session: str, line: str) -> None:
    """A bare value gets its name; a line goes as it is."""
    assert cookie_line(session) == line


@pytest.mark.parametrize(
    ("session", "set_cookies", "after"),
    [
        ("old", "", "old"),
        ("old", "other=1; Path=/", "old"),
        ("old", f"a=1, {COOKIE}=new; Path=/; Expires=Thu, 02 Jul 2026 09:41:07 GMT; HttpOnly", "new"),
        ("old", f"{COOKIE}=; Max-Age=0", "old"),
        ("old", f"{COOKIE}.0=n1; Path=/, {COOKIE}.1=n2; Path=/", f"{COOKIE}.0=n1; {COOKIE}.1=n2"),
        (f"oai-did=1; {COOKIE}=old; x=2", f"{COOKIE}=new; Path=/", f"{COOKIE}=new; oai-did=1; x=2"),
        (f"{COOKIE}.0=a; {COOKIE}.1=b; oai-did=1", f"{COOKIE}=new", f"{COOKIE}=new; oai-did=1"),
    ],
)
def test_rotated_cookies(session: str, set_cookies: str, after: str) -> None:
    """The new session takes the old one's place; other cookies of the line stay."""
    assert rotated(session, set_cookies) == after


# --- the session ------------------------------------------------------------------------------------------


async def test_a_session_gives_a_token(talk: Talk) -> None:
    """Section 1.2: the cookie, the page's headers, and a rotated cookie in the answer."""
    exchange, client = talk(answer_of({"accessToken": TOKEN}, **{"set-cookie": f"{COOKIE}=new; Path=/"}))
    after = await exchange.renew(session_credential(), Secret("http://proxy:1"))
    ((method, url, headers, content),) = client.asked
    assert (method, url, content) == ("GET", "https://sora.chatgpt.com/api/auth/session", None)
    assert headers["cookie"] == f"{COOKIE}=value"
    assert (headers["origin"], headers["referer"]) == (
        "https://sora.chatgpt.com",
        "https://sora.chatgpt.com/",
    )
    assert (after.access_token, after.session_token, after.version) == (Secret(TOKEN), Secret("new"), 2)
    assert (after.issued_at, after.expires_at) == (NOW, NOW + 100)
    assert client.proxies == [Secret("http://proxy:1")]


@pytest.mark.parametrize("body", [None, {}, {"accessToken": None}, {"accessToken": ""}, {"user": {}}, []])
async def test_a_dead_session(talk: Talk, body: Any) -> None:
    """200 without a token: the session has ended."""
    exchange, _ = talk(answer_of(body))
    async with refused(ErrorKind.ACCOUNT_AUTH) as said:
        await exchange.renew(session_credential(), None)
    assert "session has ended" in said[0]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (answer_of({"error": {"code": "token_expired"}}, 401), ErrorKind.ACCOUNT_AUTH),
        (answer_of({}, 503), ErrorKind.UPSTREAM_OVERLOADED),
        (answer_of("<html>", 403, **{"cf-mitigated": "challenge"}), ErrorKind.UPSTREAM_BLOCKED),
        (answer_of("<html>", 200, **{"content-type": "text/html"}), ErrorKind.UPSTREAM_BLOCKED),
        (answer_of({}, 429), ErrorKind.ACCOUNT_RATE_LIMITED),
        (GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "x"), ErrorKind.UPSTREAM_UNREACHABLE),
    ],
)
@pytest.mark.parametrize("credential", [session_credential(), refresh_credential()])
async def test_other_answers_end_nothing(
    talk: Talk, answer: Answer | GatewayError, kind: ErrorKind, credential: Credential
) -> None:
    """Only a definite no about the credential is one; the rest may be tried again later."""
    exchange, client = talk(answer)
    async with refused(kind):
        await exchange.renew(credential, None)
    assert len(client.asked) == 1


async def test_the_refresh_token_helps_a_dead_session(talk: Talk) -> None:
    """With both, the session is asked first; the refresh token is spent only if that has ended."""
    both = refresh_credential(session_token=Secret("value"))
    exchange, client = talk(answer_of({"accessToken": TOKEN}))
    assert (await exchange.renew(both, None)).refresh_token == Secret("rt_1")
    exchange, client = talk(answer_of(None), answer_of({"access_token": TOKEN, "refresh_token": "rt_2"}))
    assert (await exchange.renew(both, None)).refresh_token == Secret("rt_2")
    assert [method for method, *_ in client.asked] == ["GET", "POST"]
    exchange, client = talk(answer_of({}, 500))
    async with refused(ErrorKind.UPSTREAM_OVERLOADED):
        await exchange.renew(both, None)


# --- the refresh token ------------------------------------------------------------------------------------


async def test_a_refresh_token_gives_a_token(talk: Talk) -> None:
    """Section 1.3: four fields as JSON; the rotated token and the client that worked are kept."""
    exchange, client = talk(answer_of({"access_token": TOKEN, "refresh_token": "rt_2", "expires_in": 5}))
    after = await exchange.renew(refresh_credential(), None)
    ((method, url, headers, content),) = client.asked
    assert (method, url, headers["content-type"]) == (
        "POST",
        "https://auth.openai.com/oauth/token",
        "application/json",
    )
    assert json.loads(content or b"") == {
        "client_id": ANDROID,
        "grant_type": "refresh_token",
        "redirect_uri": CLIENTS[ANDROID],
        "refresh_token": "rt_1",
    }
    assert (after.access_token, after.refresh_token) == (Secret(TOKEN), Secret("rt_2"))
    assert (after.client_id, after.version, after.expires_at) == (ANDROID, 5, NOW + 100)


@pytest.mark.parametrize(
    "no",
    [
        answer_of({"error": {"code": "invalid_grant"}}, 400),
        answer_of({"error": "invalid_grant", "error_description": "Unknown."}, 400),
        answer_of({"error": "invalid_client"}, 401),
    ],
)
async def test_one_client_after_another(talk: Talk, no: Answer) -> None:
    """A token of another client is asked for by the next one; then only by that."""
    exchange, client = talk(no, answer_of({"access_token": TOKEN, "refresh_token": "rt_2"}))
    after = await exchange.renew(refresh_credential(), None)
    assert after.client_id == IOS
    assert [json.loads(content or b"")["client_id"] for *_, content in client.asked] == [ANDROID, IOS]
    exchange, client = talk(answer_of({"access_token": TOKEN}))
    again = await exchange.renew(after, None)
    assert json.loads(client.asked[0][3] or b"")["client_id"] == IOS
    assert again.refresh_token == Secret("rt_2")  # none came, so it did not rotate
    exchange, client = talk(no, no)
    async with refused(ErrorKind.ACCOUNT_AUTH):
        await exchange.renew(refresh_credential(), None)


@pytest.mark.parametrize(
    "code", ["refresh_token_expired", "refresh_token_invalidated", "refresh_token_reused"]
)
async def test_lasting_failures(talk: Talk, code: str) -> None:
    """No other client is tried: the token is over."""
    exchange, client = talk(answer_of({"error": {"code": code, "message": "x"}}, 401))
    async with refused(ErrorKind.ACCOUNT_AUTH) as said:
        await exchange.renew(refresh_credential(), None)
    assert len(client.asked) == 1
    assert said[0].startswith("The refresh token")


@pytest.mark.parametrize(
    "no", [answer_of({}, 415), answer_of({"error": {"code": "invalid_request", "message": "x"}}, 400)]
)
async def test_a_server_that_wants_a_form(talk: Talk, no: Answer) -> None:
    """Contradiction C4: what is not understood as JSON is sent once more as a form."""
    exchange, client = talk(no, answer_of({"access_token": TOKEN, "refresh_token": "rt_2"}))
    await exchange.renew(refresh_credential(), None)
    _, _, headers, content = client.asked[1]
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs((content or b"").decode())["refresh_token"] == ["rt_1"]


async def test_an_answer_without_a_token(talk: Talk) -> None:
    """It is no reason to give the refresh token up."""
    exchange, _ = talk(answer_of({"token_type": "Bearer"}))
    async with refused(ErrorKind.UPSTREAM_OVERLOADED):
        await exchange.renew(refresh_credential(), None)


async def test_nothing_to_renew_with(talk: Talk) -> None:
    """An access token alone, or a text that no header can carry."""
    exchange, client = talk()
    for hopeless in (Credential(access_token=Secret("a")), session_credential("a\nb: c")):
        async with refused(ErrorKind.ACCOUNT_AUTH):
            await exchange.renew(hopeless, None)
    assert client.asked == []
