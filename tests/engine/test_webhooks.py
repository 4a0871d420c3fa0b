"""Prove the facade: whose endpoints are seen, how many there may be, what a test sends."""

from __future__ import annotations

import json

import openai
import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Caller
from sora_gateway.domain.webhooks import MOST_ENDPOINTS, EventType
from sora_gateway.engine.webhooks import Webhooks
from sora_gateway.kit.clock import system_now
from sora_gateway.kit.redact import Secret
from tests.fakes import caller_of
from tests.webhook_fakes import FakePoster, FakeWebhooks

ANN, BOB = caller_of("lic_ann"), caller_of("lic_bob")
TYPES = (EventType.VIDEO_COMPLETED,)
URL = "https://example.com/hooks"


@pytest.fixture
def poster() -> FakePoster:
    return FakePoster()


@pytest.fixture
def store() -> FakeWebhooks:
    return FakeWebhooks()


@pytest.fixture
def webhooks(store: FakeWebhooks, poster: FakePoster) -> Webhooks:
    return Webhooks(store, poster, system_now, 15.0)  # type: ignore[arg-type]


async def made(webhooks: Webhooks, caller: Caller = ANN) -> str:
    return (await webhooks.create(caller, name="mine", url=URL, event_types=TYPES)).id


async def test_each_sees_only_his_own(webhooks: Webhooks) -> None:
    """Another's endpoint is not found, whatever is to be done with it."""
    endpoint_id = await made(webhooks)
    assert (await webhooks.get(endpoint_id, ANN)).url == URL
    for call in (
        webhooks.get(endpoint_id, BOB),
        webhooks.update(endpoint_id, BOB, name="x"),
        webhooks.rotate(endpoint_id, BOB, keeps_old=True),
        webhooks.delete(endpoint_id, BOB),
        webhooks.test(endpoint_id, BOB, EventType.VIDEO_FAILED),
        webhooks.page(BOB, after=endpoint_id, limit=5, ascending=True),
    ):
        with pytest.raises(GatewayError) as raised:
            await call
        assert raised.value.kind is ErrorKind.NOT_FOUND
    assert (await webhooks.page(BOB, after=None, limit=5, ascending=True)).endpoints == ()


async def test_there_may_be_sixteen(webhooks: Webhooks) -> None:
    """One more is refused until one is deleted; another caller has sixteen of his own."""
    ids = [await made(webhooks) for _ in range(MOST_ENDPOINTS)]
    with pytest.raises(GatewayError, match="16 webhook endpoints"):
        await made(webhooks)
    await made(webhooks, BOB)
    await webhooks.delete(ids[0], ANN)
    await made(webhooks)


async def test_changes(webhooks: Webhooks) -> None:
    """What is not given stays; a new secret replaces the old one or stands beside it."""
    endpoint_id = await made(webhooks)
    before = await webhooks.get(endpoint_id, ANN)
    after = await webhooks.update(endpoint_id, ANN, name="new")
    assert (after.name, after.url, after.event_types, after.secret) == ("new", URL, TYPES, before.secret)
    beside = await webhooks.rotate(endpoint_id, ANN, keeps_old=True)
    assert beside.secrets_at(system_now()) == (beside.secret, before.secret)
    alone = await webhooks.rotate(endpoint_id, ANN, keeps_old=False)
    assert alone.secrets_at(system_now()) == (alone.secret,)
    assert len({before.secret, beside.secret, alone.secret}) == 3


async def test_a_test_sends_a_signed_event(webhooks: Webhooks, poster: FakePoster) -> None:
    """It says what was answered, and why there was no answer."""
    endpoint_id = await made(webhooks)
    poster.answers = [503, "The URL did not answer within 15 s."]
    assert await webhooks.test(endpoint_id, ANN, EventType.VIDEO_FAILED) == 503
    with pytest.raises(GatewayError, match="did not answer"):
        await webhooks.test(endpoint_id, ANN, EventType.VIDEO_FAILED)
    post = poster.posts[0]
    secret = (await webhooks.get(endpoint_id, ANN)).secret.reveal()
    with openai.OpenAI(api_key="sg-x") as client:
        client.webhooks.unwrap(post.body, post.headers, secret=secret)
    assert json.loads(post.body)["data"] == {"id": "video_test"}


def test_a_callback_keeps_its_secret_sealed(webhooks: Webhooks, store: FakeWebhooks) -> None:
    """The record of the job holds it encrypted, or none."""
    callback = webhooks.callback(URL, Secret("a secret"))
    assert callback.sealed is not None
    assert callback.sealed != "a secret"
    assert store.unseal(callback.sealed) == "a secret"
    assert webhooks.callback(URL, None).sealed is None
