"""Who calls: where keys are read, how long a caller is remembered."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import cast

import pytest

from sora_gateway.domain.accounts import CredentialForm
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller, Permission
from sora_gateway.engine.passthrough import Passthrough
from sora_gateway.licences.keys import hash_key
from sora_gateway.web.auth import REMEMBERED_S, Callers, key_of
from tests.gateway import CHAT_KEY, KEY, Gateway, client_of


@pytest.mark.parametrize(
    ("headers", "query", "key"),
    [
        ({"authorization": "Bearer sg-a"}, {}, "sg-a"),
        ({"authorization": "bearer  sg-a "}, {}, "sg-a"),
        ({"authorization": "sg-a"}, {}, "sg-a"),
        ({"x-api-key": "sg-b"}, {}, "sg-b"),
        ({"x-goog-api-key": "sg-c"}, {}, "sg-c"),
        ({}, {"key": "sg-d"}, "sg-d"),
        ({"authorization": "Bearer sg-a", "x-api-key": "sg-b"}, {"key": "sg-d"}, "sg-a"),
        ({"authorization": "Bearer ", "x-api-key": "sg-b"}, {}, "sg-b"),
        ({"authorization": "Bearer"}, {}, None),
        ({}, {}, None),
    ],
)
def test_key_of(headers: dict[str, str], query: dict[str, str], key: str | None) -> None:
    """The first place that has a key wins."""
    assert key_of(headers, query) == key


async def test_caller_is_remembered_for_a_moment(gateway: Gateway) -> None:
    """One look-up serves a few seconds; revocation is felt within five."""
    callers = Callers(gateway.licences, gateway.clock)
    first = await callers.of(KEY)
    assert await callers.of(KEY) is first
    assert gateway.licences.reads == 1
    licence = replace(gateway.licences.by_key[hash_key(KEY)], revoked_at=gateway.clock.at)
    await gateway.licences.put(licence, hash_key(KEY))
    gateway.clock.at += REMEMBERED_S
    with pytest.raises(GatewayError) as caught:
        await callers.of(KEY)
    assert caught.value.kind is ErrorKind.UNAUTHENTICATED
    assert REMEMBERED_S <= 5


async def test_memory_is_bounded(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of callers does not grow for ever."""
    monkeypatch.setattr("sora_gateway.web.auth._MOST_REMEMBERED", 1)
    callers = Callers(gateway.licences, gateway.clock)
    await callers.of(KEY)
    await callers.of(CHAT_KEY)
    await callers.of(KEY)
    assert gateway.licences.reads == 3


@pytest.mark.parametrize("key", [None, "wrong", "sg-wrong-but-long-enough-abcd"])
async def test_wrong_key(gateway: Gateway, key: str | None) -> None:
    """401 in the words by which LiteLLM knows it, and never the whole key."""
    async with client_of(gateway, key=key) as client:
        answer = await client.get("/v1/videos")
    assert answer.status_code == 401
    error = answer.json()["error"]
    assert error["message"].startswith("Incorrect API key provided")
    assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_api_key")
    assert key is None or key not in error["message"]


@pytest.mark.parametrize("headers", [{"Authorization": KEY}, {"x-api-key": KEY}, {"x-goog-api-key": KEY}])
async def test_headers_that_carry_a_key(gateway: Gateway, headers: dict[str, str]) -> None:
    """Each of the headers opens the door."""
    async with client_of(gateway, key=None) as client:
        answer = await client.get("/v1/videos", headers=headers)
    assert answer.status_code == 200


class Doorman:
    """Stands in for the confirmation by the backend."""

    def __init__(self) -> None:
        self.asked: list[tuple[CredentialForm, str]] = []

    async def caller(self, form: CredentialForm, given: str) -> Caller:
        self.asked.append((form, given))
        return Caller(licence_id="passthrough:x:y", permissions=frozenset(Permission), account_id="x:own-y")


@pytest.mark.parametrize(
    ("key", "form"),
    [
        ("eyJh.eyJi.c", CredentialForm.ACCESS),
        ("rt_abc", CredentialForm.REFRESH),
        ("eyJh..c.d.e", CredentialForm.SESSION),
        ("oai-did=1; __Secure-next-auth.session-token=abc", CredentialForm.SESSION),
    ],
)
async def test_own_credentials_go_to_the_backend(gateway: Gateway, key: str, form: CredentialForm) -> None:
    """With pass-through they are recognised by form, wherever a key may stand; without it they are 401."""
    doorman = Doorman()
    callers = Callers(gateway.licences, gateway.clock, cast(Passthrough, doorman))
    for headers in ({"authorization": f"Bearer {key}"}, {"authorization": key}, {"x-api-key": key}):
        assert (await callers.of(key_of(headers, {}))).account_id == "x:own-y"
    assert doorman.asked == [(form, key)] * 3
    assert gateway.licences.reads == 0
    with pytest.raises(GatewayError) as caught:
        await Callers(gateway.licences, gateway.clock).of(key)
    assert caught.value.kind is ErrorKind.UNAUTHENTICATED


@pytest.mark.parametrize("key", [KEY, CHAT_KEY, "wrong", "sk-abc", "a.b.c", None])
async def test_other_keys_do_not(gateway: Gateway, key: str | None) -> None:
    """A licence key is never shown to the backend, nor what is nothing of it."""
    doorman = Doorman()
    callers = Callers(gateway.licences, gateway.clock, cast(Passthrough, doorman))
    with suppress(GatewayError):
        await callers.of(key)
    assert doorman.asked == []
