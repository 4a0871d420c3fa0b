"""What the vendors' own SDKs make of keys that may not, or may not any more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from google import genai
from google.genai import errors as gemini
from google.genai import types

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Bounds
from sora_gateway.licences.keys import hash_key
from tests.gateway import CHAT_KEY, KEY, Gateway, served

pytestmark = [
    pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The generate_:DeprecationWarning"),
]

QUOTA = GatewayError(ErrorKind.INSUFFICIENT_QUOTA, "The daily quota of this key does not suffice.")
MODEL = GatewayError(ErrorKind.PERMISSION_DENIED, "This key may not use the model 'x'.", param="model")


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway whose key may make one request per minute."""
    async with served(tmp_path) as gateway:
        licence = gateway.licences.by_key[hash_key(KEY)]
        await gateway.licences.put(replace(licence, bounds=Bounds(requests_per_minute=1)), hash_key(KEY))
        yield gateway


def _openai(gateway: Gateway, key: str = KEY, retries: int = 0) -> openai.AsyncOpenAI:
    client = httpx2.AsyncClient(verify=False)
    return openai.AsyncOpenAI(
        api_key=key, base_url=f"{gateway.url}/v1", http_client=client, max_retries=retries
    )


def _anthropic(gateway: Gateway, key: str = KEY) -> anthropic.AsyncAnthropic:
    client = httpx2.AsyncClient(verify=False)
    return anthropic.AsyncAnthropic(api_key=key, base_url=gateway.url, http_client=client, max_retries=0)


async def _ask_anthropic(client: anthropic.AsyncAnthropic) -> Any:
    message: Any = {"role": "user", "content": "a boat"}
    return await client.messages.create(model="sora_image", max_tokens=9, messages=[message])


async def _ask_gemini(gateway: Gateway, key: str = KEY) -> Any:
    options = types.HttpOptions(base_url=gateway.url, async_client_args={"trust_env": False})
    client = genai.Client(api_key=key, vertexai=False, http_options=options)
    async with client.aio as aio:
        return await aio.models.generate_content(model="sora_image", contents="a boat")


async def test_too_many_requests(slow: Gateway) -> None:
    """The second is each SDK's rate limit error, and says when to come again."""
    async with _openai(slow) as client:
        raw = await client.videos.with_raw_response.create(prompt="a boat")
        assert raw.headers["x-ratelimit-remaining-requests"] == "0"
        with pytest.raises(openai.RateLimitError) as caught:
            await client.videos.create(prompt="a boat")
    assert caught.value.code == "rate_limit_exceeded"
    headers = caught.value.response.headers
    assert headers["retry-after"] == "13"
    assert {name: headers[f"x-ratelimit-{name}-requests"] for name in ("limit", "remaining", "reset")} == {
        "limit": "1",
        "remaining": "0",
        "reset": "60s",
    }
    async with _anthropic(slow) as client_of_anthropic:
        with pytest.raises(anthropic.RateLimitError) as other:
            await _ask_anthropic(client_of_anthropic)
    assert other.value.response.headers["retry-after"] == "13"
    with pytest.raises(gemini.ClientError) as google:
        await _ask_gemini(slow)
    assert (google.value.code, google.value.status) == (429, "RESOURCE_EXHAUSTED")


async def test_a_used_up_quota_is_not_asked_for_again(live: Gateway) -> None:
    """A rate limit error of its own code, after one request however often the SDK would repeat it."""
    live.generations.refusal = QUOTA
    sent: list[int] = []

    async def count(response: httpx2.Response) -> None:
        sent.append(response.status_code)

    http = httpx2.AsyncClient(verify=False, event_hooks={"response": [count]})
    async with openai.AsyncOpenAI(
        api_key=KEY, base_url=f"{live.url}/v1", http_client=http, max_retries=3
    ) as client:
        with pytest.raises(openai.RateLimitError) as caught:
            await client.videos.create(prompt="a boat")
    assert (caught.value.code, caught.value.type, sent) == ("insufficient_quota", "insufficient_quota", [429])
    assert caught.value.response.headers["x-should-retry"] == "false"


async def test_what_a_key_may_not(live: Gateway) -> None:
    """A missing permission and a model that is not allowed are each SDK's own permission error."""
    async with _openai(live, CHAT_KEY) as client:
        with pytest.raises(openai.PermissionDeniedError, match="videos"):
            await client.videos.create(prompt="a boat")
    live.generations.refusal = MODEL
    async with _openai(live) as client:
        with pytest.raises(openai.PermissionDeniedError) as caught:
            await client.videos.create(prompt="a boat")
    assert (caught.value.code, caught.value.param) == ("permission_denied", "model")
    async with _anthropic(live) as client_of_anthropic:
        with pytest.raises(anthropic.PermissionDeniedError):
            await _ask_anthropic(client_of_anthropic)
    with pytest.raises(gemini.ClientError) as google:
        await _ask_gemini(live)
    assert (google.value.code, google.value.status) == (403, "PERMISSION_DENIED")
