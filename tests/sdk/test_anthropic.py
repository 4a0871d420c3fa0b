"""Anthropic's own Python SDK against a real server, as its users call it."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic, AsyncAnthropic

from sora_gateway.app import create_app
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.model_names import catalogue
from sora_gateway.settings import load
from tests.fakes import PNG, fails, progresses, starts
from tests.functional.harness import Gateway as Installation
from tests.functional.harness import Simulator, running
from tests.gateway import CHAT_KEY, KEY, Gateway, serving
from tests.surfaces.anthropic.wiring import served_anthropic

USER: Any = [{"role": "user", "content": "画小猫"}]


def _sdk(url: str, *, key: str = KEY, base: str = "/sora", **options: Any) -> AsyncAnthropic:
    return AsyncAnthropic(
        api_key=key, base_url=url + base, http_client=httpx2.AsyncClient(verify=False), **options
    )


def _asking(*pictures: dict[str, str]) -> Any:
    blocks = [{"type": "image", "source": picture} for picture in pictures]
    return [{"role": "user", "content": [*blocks, {"type": "text", "text": "in the style of a comic"}]}]


def _text(message: anthropic.types.Message) -> str:
    (block,) = message.content
    assert block.type == "text"
    return block.text


def _link(text: str) -> str:
    found = re.search(r"(?:!\[image\]\(|<video src=\")(http[^)\"]+)", text)
    assert found, text
    return found[1]


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway on a loopback port over a fake engine."""
    async with served_anthropic(tmp_path) as gateway:
        yield gateway


@pytest.fixture
async def finishing(live: Gateway) -> Gateway:
    """A gateway whose jobs end well by themselves."""
    live.generations.script = [starts, progresses(0.5), live.generations.completes]
    return live


@pytest.fixture
async def sdk(finishing: Gateway) -> AsyncIterator[AsyncAnthropic]:
    """A client that checks the shape of every answer strictly."""
    async with _sdk(finishing.url, _strict_response_validation=True, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("base", ["/sora", "/sora/", "", "/", "/sora/v1"])
async def test_create(finishing: Gateway, base: str) -> None:
    """From the request to the file, on every base URL, OpenAI's included."""
    async with _sdk(finishing.url, base=base) as client:
        message = await client.messages.create(model="sora_image", max_tokens=1024, messages=USER)
        assert (message.type, message.role, message.stop_reason) == ("message", "assistant", "end_turn")
        assert message.usage.input_tokens == 3
        assert message.usage.output_tokens > 0
        assert message._request_id
        async with httpx2.AsyncClient() as browser:
            assert (await browser.get(_link(_text(message)))).content == PNG + b"\x00"


@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
async def test_key_in_either_header(finishing: Gateway, header: str) -> None:
    """Old releases send ``x-api-key``, new ones a bearer."""
    value = KEY if header == "x-api-key" else f"Bearer {KEY}"
    headers = {header: value, "anthropic-version": "2023-06-01"}
    body = {"model": "sora_image", "max_tokens": 1, "messages": USER}
    async with httpx2.AsyncClient(headers=headers) as client:
        answer = await client.post(f"{finishing.url}/sora/v1/messages", json=body)
    assert answer.status_code == 200


async def test_create_video_with_parameters(finishing: Gateway, sdk: AsyncAnthropic) -> None:
    """What the SDK has no name for goes by ``extra_body`` and ``extra_query``."""
    message = await sdk.messages.create(
        model="sora_video2",
        max_tokens=1024,
        system="You draw.",
        messages=USER,
        metadata={"user_id": "u"},
        extra_body={"size": "1280x720", "n": 2},
        extra_query={"seconds": "15"},
    )
    assert _text(message).count("<video src=") == 2
    (requests,) = finishing.generations.submitted
    assert [(request.aspect, request.duration_s) for request in requests] == [("landscape", 15)] * 2


async def test_stream_text(sdk: AsyncAnthropic) -> None:
    """Progress, then the result, as the SDK puts it together."""
    async with sdk.messages.stream(model="sora_video2", max_tokens=1024, messages=USER) as stream:
        texts = [text async for text in stream.text_stream]
        final = await stream.get_final_message()
    assert "In progress: 50 %\n" in texts
    assert "".join(texts) == _text(final)
    assert _text(final).split("\n\n", 1)[1].startswith("<video src=")
    assert (final.stop_reason, final.usage.input_tokens) == ("end_turn", 3)
    assert final.usage.output_tokens == -(-len(_text(final)) // 4)


async def test_stream_events(sdk: AsyncAnthropic) -> None:
    """The raw events, each checked, in the order of the grammar."""
    stream = await sdk.messages.create(model="sora_image", max_tokens=1, messages=USER, stream=True)
    types = [event.type async for event in stream]
    assert types[:2] == ["message_start", "content_block_start"]
    assert set(types[2:-3]) == {"content_block_delta"}
    assert types[-3:] == ["content_block_stop", "message_delta", "message_stop"]


async def test_stream_outlives_its_pings(tmp_path: Path) -> None:
    """Any number of them between the events."""
    async with served_anthropic(tmp_path, ping_s=0.01) as gateway, _sdk(gateway.url) as client:
        gateway.generations.script = [starts, gateway.generations.completes]
        gateway.generations.step_s = 0.1
        async with client.messages.stream(model="sora_image", max_tokens=1, messages=USER) as stream:
            assert "![image](" in await stream.get_final_text()


async def test_stream_error(live: Gateway) -> None:
    """A late failure is raised by the SDK with its type, and the id of the request."""
    live.generations.script = [starts, fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
    async with _sdk(live.url) as client:
        stream = await client.messages.create(model="sora_image", max_tokens=1, messages=USER, stream=True)
        with pytest.raises(anthropic.APIStatusError, match="No cats") as caught:
            async for _ in stream:
                pass
    assert (caught.value.status_code, caught.value.type) == (200, "invalid_request_error")
    body: Any = caught.value.body
    assert caught.value.request_id == body["request_id"]


async def test_pictures(finishing: Gateway, sdk: AsyncAnthropic) -> None:
    """Base64 and URL in one message."""
    encoded = base64.b64encode(PNG).decode()
    messages = _asking(
        {"type": "base64", "media_type": "image/png", "data": encoded},
        {"type": "url", "url": "https://example.com/a.png"},
    )
    await sdk.messages.create(model="sora_image", max_tokens=1, messages=messages)
    assert finishing.generations.fetched == [
        ("messages", f"data:;base64,{encoded}"),
        ("messages", "https://example.com/a.png"),
    ]


async def test_count_tokens(sdk: AsyncAnthropic) -> None:
    """What ``create`` would report."""
    counted = await sdk.messages.count_tokens(model="sora_image", messages=USER, system="You draw.")
    assert counted.input_tokens == 3


async def test_beta_client(sdk: AsyncAnthropic) -> None:
    """The same routes with ``?beta=true``."""
    message = await sdk.beta.messages.create(
        model="sora_image", max_tokens=1, messages=USER, betas=["files-api-2025-04-14"]
    )
    assert message.stop_reason == "end_turn"
    assert (await sdk.beta.messages.count_tokens(model="sora_image", messages=USER)).input_tokens == 3


@pytest.mark.parametrize("limit", [3, 1000])
async def test_models(sdk: AsyncAnthropic, limit: int) -> None:
    """Every page, each name once; one name, percent-encoded by the SDK."""
    ids = [model.id async for model in sdk.models.list(limit=limit)]
    assert set(ids) >= {model.asked for model in catalogue()}
    assert len(ids) == len(set(ids))
    backward = [model.id async for model in sdk.models.list(limit=limit, before_id=ids[5])]
    assert sorted(backward) == sorted(ids[:5])
    model = await sdk.models.retrieve("sora_video2|[free,plus]")
    assert (model.id, model.lifecycle, model.created_at.year) == ("sora_video2|[free,plus]", "active", 2026)
    with pytest.raises(anthropic.NotFoundError):
        await sdk.models.retrieve("org/model")


async def test_sync_client(finishing: Gateway) -> None:
    """The synchronous client is the same."""

    def use() -> str:
        http = httpx2.Client(verify=False)
        with Anthropic(api_key=KEY, base_url=f"{finishing.url}/sora", http_client=http) as client:
            assert len(list(client.models.list(limit=7))) >= len(catalogue())
            with client.messages.stream(model="sora_image", max_tokens=1, messages=USER) as stream:
                return "".join(stream.text_stream)

    assert "![image](" in await asyncio.to_thread(use)


async def test_error_classes(live: Gateway) -> None:
    """Each status is its class, with the type and the id of its body."""
    async with _sdk(live.url, key="wrong") as client:
        with pytest.raises(anthropic.AuthenticationError) as wrong:
            await client.models.list()
    assert wrong.value.type == "authentication_error"
    assert wrong.value.request_id
    async with _sdk(live.url, key=CHAT_KEY) as client:
        with pytest.raises(anthropic.PermissionDeniedError, match="messages") as denied:
            await client.messages.create(model="sora_image", max_tokens=1, messages=USER)
    assert denied.value.type == "permission_error"
    async with _sdk(live.url) as client:
        with pytest.raises(anthropic.BadRequestError, match="'seconds'") as bad:
            await client.messages.create(
                model="sora_video2", max_tokens=1, messages=USER, extra_body={"seconds": 7}
            )
        assert bad.value.type == "invalid_request_error"
        with pytest.raises(anthropic.BadRequestError, match="claude"):
            await client.messages.create(model="claude-opus-4-5", max_tokens=1, messages=USER)
        with pytest.raises(anthropic.NotFoundError) as unknown:
            await client.models.retrieve("claude-opus-4-5")
        assert unknown.value.type == "not_found_error"
        with pytest.raises(anthropic.NotFoundError):
            await client.messages.batches.list()


@pytest.mark.parametrize(
    ("kind", "expected", "is_repeated"),
    [
        (ErrorKind.INSUFFICIENT_QUOTA, anthropic.RateLimitError, False),
        (ErrorKind.CONFLICT, anthropic.ConflictError, False),
        (ErrorKind.NO_ACCOUNT, anthropic.ServiceUnavailableError, False),
        (ErrorKind.STORE_UNAVAILABLE, anthropic.ServiceUnavailableError, False),
        (ErrorKind.QUEUE_FULL, anthropic.RateLimitError, True),
    ],
)
async def test_repetition(
    live: Gateway, kind: ErrorKind, expected: type[anthropic.APIStatusError], is_repeated: bool
) -> None:
    """The SDK repeats what may pass, and leaves the rest."""
    calls = 0

    async def refuse(*_: object, **__: object) -> None:
        nonlocal calls
        calls += 1
        raise GatewayError(kind, "No.", retry_after_s=0.01 if is_repeated else None)

    live.generations.submit = refuse  # type: ignore[method-assign, assignment]
    async with _sdk(live.url, max_retries=1) as client:
        with pytest.raises(expected):
            await client.messages.create(model="sora_image", max_tokens=1, messages=USER)
    assert calls == (2 if is_repeated else 1)


async def test_stated_timeout_is_obeyed(live: Gateway) -> None:
    """A client that waits 11 s gets its answer after one: the job and its link."""
    async with _sdk(live.url, timeout=11, max_retries=0) as client:
        message = await client.messages.create(model="sora_image", max_tokens=1, messages=USER)
    (job_id,) = live.generations.histories
    assert f"`{job_id}`" in _text(message)


# --- the whole product: gateway, store and simulated backend ---------------------------------------------


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[AsyncAnthropic]:
    """A client of a gateway that has an account at a simulated backend."""
    simulator = Simulator(tmp_path / "simulator")
    installation = Installation(tmp_path / "gateway", simulator)
    settings = load(
        data_dir=installation.data_dir,
        sora_web_base_url=f"{simulator.url}/backend",
        sora_web_sentinel_token="simulated",
        sora_web_poll_fast_s=0.3,
        sora_web_poll_slow_s=0.5,
    )
    with running(simulator):
        await simulator.ready()
        app = create_app(settings)
        async with app.router.lifespan_context(app), serving(app) as (url, _):
            tokens = await simulator.tokens()
            await asyncio.to_thread(installation.add_accounts, tokens)
            key = await asyncio.to_thread(installation.new_key, "messages")
            async with _sdk(url, key=key, _strict_response_validation=True, timeout=60) as client:
                yield client


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_whole_product(real: AsyncAnthropic) -> None:
    """An image; a video from it, by its link and as base64; a stream; the files open without a key."""
    image = await real.messages.create(
        model="sora_image", max_tokens=1024, messages=USER, extra_body={"output_format": "png"}
    )
    link = _link(_text(image))
    async with httpx2.AsyncClient() as browser:
        picture = (await browser.get(link)).raise_for_status().content
        assert picture.startswith(b"\x89PNG")

        linked = _asking({"type": "url", "url": link})
        video = await real.messages.create(model="sora_video2", max_tokens=1024, messages=linked)
        file = (await browser.get(_link(_text(video)))).raise_for_status()
        assert file.headers["content-type"] == "video/mp4"
        assert file.content[4:8] == b"ftyp"

        encoded = base64.b64encode(picture).decode()
        inline = _asking({"type": "base64", "media_type": "image/png", "data": encoded})
        async with real.messages.stream(model="sora_video2", max_tokens=1024, messages=inline) as stream:
            texts = [text async for text in stream.text_stream]
        *lines, result = texts
        assert lines
        assert all(re.fullmatch(r"(Queued|In progress).{0,60}\n", line) for line in lines), lines
        assert (await browser.get(_link(result))).status_code == 200

    assert {model.id async for model in real.models.list()} >= {"sora_image", "sora_video2"}
    counted = await real.messages.count_tokens(model="sora_video2", messages=USER)
    assert counted.input_tokens == 3
    broken = _asking({"type": "base64", "media_type": "image/png", "data": "bm8gcGljdHVyZQ=="})
    with pytest.raises(anthropic.BadRequestError, match="messages"):
        await real.messages.create(model="sora_image", max_tokens=1024, messages=broken)
