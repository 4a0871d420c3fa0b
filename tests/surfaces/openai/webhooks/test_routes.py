"""Webhook endpoints over HTTP, with OpenAI's own client, and requests that name an address of their own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncOpenAI

from sora_gateway.domain.requests import Callback
from tests.gateway import CHAT_KEY, KEY, Gateway, client_of

ENDPOINT: dict[str, Any] = {
    "name": "mine",
    "url": "https://example.com/hooks",
    "event_types": ["video.completed", "video.failed"],
}


@pytest.fixture
async def sdk(live: Gateway) -> AsyncIterator[AsyncOpenAI]:
    """A client that checks the shape of every answer strictly."""
    async with AsyncOpenAI(
        api_key=CHAT_KEY,  # any key will do
        base_url=f"{live.url}/sora/v1",
        http_client=httpx2.AsyncClient(verify=False),
        _strict_response_validation=True,
        max_retries=0,
    ) as client:
        yield client


async def test_the_sdk_manages_endpoints(sdk: AsyncOpenAI) -> None:
    """Every call of ``client.webhooks``: the secret is shown when it is made and when it is changed only."""
    made = await sdk.webhooks.create(**ENDPOINT)
    assert made.signing_secret.startswith("whsec_")
    assert (made.name, made.url, made.event_types) == tuple(ENDPOINT.values())
    shown = await sdk.webhooks.retrieve(made.id)
    assert "signing_secret" not in shown.model_dump()
    assert shown.signing_secret_hint == f"whsec_...{made.signing_secret[-4:]}"
    updated = await sdk.webhooks.update(made.id, name="yours", event_types=["video.failed"])
    assert (updated.name, updated.url, updated.event_types) == ("yours", ENDPOINT["url"], ["video.failed"])
    turned = await sdk.webhooks.rotate_secret(made.id, keep_old_secret_active_for_24_hours=True)
    assert turned.signing_secret not in ("", made.signing_secret)
    others = [await sdk.webhooks.create(**{**ENDPOINT, "name": f"{number}"}) for number in range(3)]
    listed = [one.id async for one in sdk.webhooks.list(limit=2)]
    assert sorted(listed) == sorted([made.id, *(one.id for one in others)])
    deleted = await sdk.webhooks.delete(made.id)
    assert deleted.deleted is True
    with pytest.raises(openai.NotFoundError):
        await sdk.webhooks.retrieve(made.id)
    assert (await sdk.webhooks.event_types.list()).data[:2] == ["video.completed", "video.failed"]


async def test_a_test_is_sent_and_can_be_unwrapped(live: Gateway, sdk: AsyncOpenAI) -> None:
    """The status that the receiver answered is told; no answer is an error in words."""
    made = await sdk.webhooks.create(**ENDPOINT)
    live.poster.answers = [503]
    result = await sdk.webhooks.test(made.id, event_type="video.completed")
    assert (result.status_code, result.success, result.webhook_endpoint_id) == (503, True, made.id)
    post = live.poster.posts[0]
    assert post.url == ENDPOINT["url"]
    # The gateway's clock stands still in these tests, far from the client's: all but the time is checked.
    sdk.webhooks.verify_signature(post.body, post.headers, secret=made.signing_secret, tolerance=10**10)
    live.poster.answers = ["The URL did not answer within 15 s."]
    with pytest.raises(openai.BadRequestError, match="did not answer"):
        await sdk.webhooks.test(made.id, event_type="video.failed")


async def test_each_key_has_its_own(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Another's endpoint is not there, by any method; without a key nothing is."""
    made = (await client.post("/v1/webhook_endpoints", json=ENDPOINT)).json()
    path = f"/v1/webhook_endpoints/{made['id']}"
    async with client_of(gateway, CHAT_KEY) as other, client_of(gateway, None) as nobody:
        for method, url, body in (
            ("GET", path, None),
            ("POST", path, {"name": "x"}),
            ("DELETE", path, None),
            ("POST", f"{path}/rotate_secret", {}),
            ("POST", f"{path}/test", {"event_type": "video.failed"}),
        ):
            assert (await other.request(method, url, json=body)).status_code == 404
            assert (await nobody.request(method, url, json=body)).status_code == 401
        assert (await other.get("/v1/webhook_endpoints")).json()["data"] == []
        assert (await nobody.get("/v1/webhook_event_types")).status_code == 401
    assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"name": ""}, "name"),
        ({"url": "ftp://example.com"}, "url"),
        ({"url": None}, "url"),
        ({"event_types": ["response.completed"]}, "event_types"),
        ({"event_types": []}, "event_types"),
    ],
)
async def test_what_is_refused(client: httpx2.AsyncClient, change: dict[str, Any], param: str) -> None:
    """With the name of the field."""
    answer = await client.post("/v1/webhook_endpoints", json={**ENDPOINT, **change})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


async def test_no_more_than_sixteen(client: httpx2.AsyncClient) -> None:
    """The seventeenth is refused in words."""
    for _ in range(16):
        assert (await client.post("/v1/webhook_endpoints", json=ENDPOINT)).status_code == 200
    answer = await client.post("/v1/webhook_endpoints", json=ENDPOINT)
    assert (answer.status_code, "16 webhook endpoints" in answer.text) == (400, True)


# --- requests with an address of their own ----------------------------------------------------------------

HOOK = "https://example.com/one"
VIDEO = {"model": "sora_video2", "prompt": "x"}
MESSAGES = {"model": "sora_video2", "messages": [{"role": "user", "content": "x"}], "stream": True}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/videos", VIDEO),
        ("/v1/images/generations", {"model": "sora_image", "prompt": "x"}),
        ("/v1/chat/completions", MESSAGES),
        ("/v1/responses", {"model": "sora_video2", "input": "x", "background": True}),
        ("/v1/messages", {**MESSAGES, "max_tokens": 9}),
        ("/v1beta/models/sora_video2:predictLongRunning", {"instances": [{"prompt": "x"}]}),
    ],
)
@pytest.mark.parametrize("is_header", [False, True])
async def test_every_dialect_takes_an_address(
    live: Gateway, path: str, body: dict[str, Any], is_header: bool
) -> None:
    """As a field or as a header, on every route that makes something."""
    live.generations.script = [live.generations.completes]
    headers = {"X-Webhook-Url": HOOK, "X-Webhook-Secret": "a secret"} if is_header else {}
    fields = {} if is_header else {"webhook_url": HOOK, "webhook_secret": "a secret"}
    async with client_of(live, KEY) as client:
        answer = await client.post(path, json={**body, **fields}, headers=headers)
    assert answer.status_code == 200, answer.text
    ((request, *_),) = live.generations.submitted
    assert request.callback == Callback(url=HOOK, sealed=live.webhooks.seal("a secret"))


async def test_a_form_and_a_remix(live: Gateway) -> None:
    """A multipart form takes the same field; a change of the video does not take its address over."""
    live.generations.script = [live.generations.completes]
    async with client_of(live, KEY) as client:
        files = {name: (None, value) for name, value in {**VIDEO, "webhook_url": HOOK}.items()}
        made = (await client.post("/v1/videos", files=files, headers={"Prefer": "wait=5"})).json()
        assert live.generations.submitted[0][0].callback == Callback(url=HOOK)
        answer = await client.post(f"/v1/videos/{made['id']}/remix", json={"prompt": "y"})
        assert answer.status_code == 200, answer.text
    assert live.generations.submitted[1][0].callback is None


@pytest.mark.parametrize(
    ("fields", "headers", "param"),
    [
        ({"webhook_url": "ftp://x"}, {}, "webhook_url"),
        ({"webhook_url": 5}, {}, "webhook_url"),
        ({"webhook_url": HOOK, "webhook_secret": "short"}, {}, "webhook_secret"),
        ({"webhook_secret": "a secret"}, {}, "webhook_secret"),
        ({}, {"X-Webhook-Url": "not a url"}, "X-Webhook-Url"),
    ],
)
async def test_addresses_that_are_refused(
    gateway: Gateway, client: httpx2.AsyncClient, fields: dict[str, Any], headers: dict[str, str], param: str
) -> None:
    """Before any job is made."""
    answer = await client.post("/v1/videos", json={**VIDEO, **fields}, headers=headers)
    assert answer.status_code == 400
    assert json.loads(answer.text)["error"]["param"] == param
    assert gateway.generations.submitted == []
