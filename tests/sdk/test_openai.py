"""OpenAI's own Python SDK against a real server, as its users call it."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from sora_gateway.domain.errors import ErrorKind, GatewayError
from tests.fakes import MP4, PNG, fails, progresses, starts
from tests.gateway import CHAT_KEY, KEY, Gateway

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")


def _sdk(gateway: Gateway, *, key: str = KEY, base: str = "/sora/v1", **options: Any) -> AsyncOpenAI:
    return AsyncOpenAI(
        api_key=key, base_url=gateway.url + base, http_client=httpx2.AsyncClient(verify=False), **options
    )


@pytest.fixture
async def finishing(live: Gateway) -> Gateway:
    """A gateway whose jobs end well by themselves."""
    live.generations.script = [starts, progresses(0.5), live.generations.completes]
    return live


@pytest.fixture
async def sdk(finishing: Gateway) -> AsyncIterator[AsyncOpenAI]:
    """A client that checks the shape of every answer strictly."""
    async with _sdk(finishing, _strict_response_validation=True, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("base", ["/sora/v1", "/sora/v1/", "/v1", "/v1/"])
async def test_create_and_poll(finishing: Gateway, base: str) -> None:
    """From the request to the finished video, on every base URL."""
    async with _sdk(finishing, base=base) as client:
        video = await client.videos.create_and_poll(
            model="sora-2", prompt="画小猫", seconds="8", size="1280x720", poll_interval_ms=10
        )
        assert (video.status, video.progress, video.seconds, video.size) == (
            "completed",
            100,
            "10",
            "1280x720",
        )
        content = await client.videos.download_content(video.id)
        assert await content.aread() == MP4
        thumbnail = await client.videos.download_content(video.id, variant="thumbnail")
        assert thumbnail.response.headers["content-type"] == "image/webp"


async def test_server_says_when_to_poll(live: Gateway) -> None:
    """Without an interval of the caller's the header is obeyed; it must be a whole number."""
    async with _sdk(live) as client:
        raw = await client.videos.with_raw_response.create(prompt="x")
        assert int(raw.headers["openai-poll-after-ms"]) == 2000
        assert raw.parse().status == "queued"


@pytest.mark.parametrize(
    "reference",
    [
        PNG,
        io.BytesIO(PNG),
        ("图.png", PNG),
        ("/home/me/a.png", PNG, "image/png"),
    ],
)
async def test_reference_files(finishing: Gateway, sdk: AsyncOpenAI, reference: Any) -> None:
    """Bytes, streams and named files."""
    video = await sdk.videos.create(prompt="x", input_reference=reference)
    assert video.status == "queued"
    assert finishing.generations.stored == [("input_reference", PNG)]


async def test_reference_path(finishing: Gateway, sdk: AsyncOpenAI, tmp_path: Path) -> None:
    """A path."""
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    await sdk.videos.create(prompt="x", input_reference=path)
    assert finishing.generations.stored == [("input_reference", PNG)]


async def test_extra_body_becomes_brackets(finishing: Gateway, sdk: AsyncOpenAI) -> None:
    """What the SDK has no name for: maps, booleans, numbers; unknown fields are ignored."""
    await sdk.videos.create(
        prompt="x",
        model="sora_video2",
        extra_body={
            "input_reference": {"image_url": "https://example.com/a.png"},
            "hd": True,
            "n": 2,
            "unknown": {"a": [1, 2]},
        },
        extra_query={"style": "anime"},
    )
    assert finishing.generations.fetched == [("input_reference", "https://example.com/a.png")]
    (requests,) = finishing.generations.submitted
    assert [(request.hd, request.style) for request in requests] == [(True, "anime")] * 2


async def test_retrieve_list_delete(sdk: AsyncOpenAI) -> None:
    """Three pages, each video once; deleted ones are not found."""
    made = [(await sdk.videos.create(prompt=f"video {number}")).id for number in range(5)]
    assert (await sdk.videos.retrieve(made[0])).prompt == "video 0"
    listed = [video.id async for video in sdk.videos.list(limit=2)]
    assert listed == made[::-1]
    assert [video.id async for video in sdk.videos.list(limit=2, order="asc", after=made[1])] == made[2:]
    deleted = await sdk.videos.delete(made[0])
    assert (deleted.id, deleted.object, deleted.deleted) == (made[0], "video.deleted", True)
    with pytest.raises(openai.NotFoundError) as caught:
        await sdk.videos.retrieve(made[0])
    assert caught.value.code == "not_found"
    assert caught.value.request_id


async def test_failed_video_does_not_raise(live: Gateway) -> None:
    """A failed job is an answer."""
    live.generations.script = [fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
    async with _sdk(live) as client:
        video = await client.videos.create_and_poll(prompt="x", poll_interval_ms=10)
        assert video.status == "failed"
        assert video.error
        assert video.error.code == "content_policy_violation"
        with pytest.raises(openai.NotFoundError):
            await client.videos.download_content(video.id)


async def test_stream_to_file(sdk: AsyncOpenAI, tmp_path: Path) -> None:
    """A download that never lies in memory whole."""
    video = await sdk.videos.create_and_poll(prompt="x", poll_interval_ms=10)
    async with sdk.videos.with_streaming_response.download_content(video.id) as content:
        await content.stream_to_file(tmp_path / "video.mp4")
    assert (tmp_path / "video.mp4").read_bytes() == MP4


async def test_sync_client(finishing: Gateway) -> None:
    """The synchronous client is the same."""

    def use() -> str:
        client = OpenAI(
            api_key=KEY, base_url=f"{finishing.url}/sora/v1", http_client=httpx2.Client(verify=False)
        )
        with client:
            video = client.videos.create_and_poll(prompt="x", poll_interval_ms=10)
            assert client.videos.download_content(video.id).read() == MP4
            assert len(list(client.videos.list(limit=1))) == 1
            return client.videos.delete(video.id).object

    assert await asyncio.to_thread(use) == "video.deleted"


async def test_images(finishing: Gateway, sdk: AsyncOpenAI) -> None:
    """Generate and edit: base64 unless links are asked for."""
    made = await sdk.images.generate(prompt="x", model="gpt-image-1", n=2, size="1024x1024", quality="high")
    assert made.data
    assert [base64.b64decode(image.b64_json or "") for image in made.data] == [PNG + b"\x00", PNG + b"\x01"]
    linked = await sdk.images.generate(prompt="x", response_format="url", output_format="jpeg")
    assert linked.data
    assert (linked.data[0].url or "").startswith(f"{finishing.url}/sora/v1/files/")
    assert linked.output_format == "jpeg"
    for image in (PNG, [PNG, ("b.png", PNG)]):
        edited = await sdk.images.edit(prompt="x", image=image, mask=PNG, model="sora_image")
        assert edited.data
    assert [param for param, _ in finishing.generations.stored] == ["image"] * 3


async def test_images_streamed(sdk: AsyncOpenAI) -> None:
    """The one event that ends the stream."""
    stream = await sdk.images.generate(prompt="x", stream=True, partial_images=1)
    events = [event async for event in stream]
    assert [event.type for event in events] == ["image_generation.completed"]


async def test_chat(sdk: AsyncOpenAI) -> None:
    """Streamed and not."""
    messages: Any = [{"role": "user", "content": "画小猫"}]
    whole = await sdk.chat.completions.create(model="sora_image", messages=messages)
    assert (whole.choices[0].message.content or "").startswith("![image](http")
    stream = await sdk.chat.completions.create(
        model="sora_video2",
        messages=messages,
        stream=True,
        stream_options={"include_usage": True},
        extra_body={"size": "1280x720"},
    )
    content, thinking, usage = "", "", None
    async for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            content += choice.delta.content or ""
            thinking += (choice.delta.model_extra or {}).get("reasoning_content", "")
    assert content.startswith("<video src=")
    assert "In progress: 50 %" in thinking
    assert usage
    assert usage.total_tokens > 0


async def test_chat_stream_error(live: Gateway) -> None:
    """A late failure is raised by the SDK, with its code."""
    live.generations.script = [fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
    async with _sdk(live) as client:
        stream = await client.chat.completions.create(
            model="sora_image", messages=[{"role": "user", "content": "x"}], stream=True
        )
        with pytest.raises(openai.APIError) as caught:
            async for _ in stream:
                pass
    assert caught.value.code == "content_policy_violation"


async def test_models(sdk: AsyncOpenAI) -> None:
    """List and one, the id percent-encoded by the SDK."""
    ids = [model.id async for model in sdk.models.list()]
    assert {"sora_image", "sora_video", "sora_video2"} <= set(ids)
    assert (await sdk.models.retrieve("sora_video2|[free,plus]")).id == "sora_video2|[free,plus]"
    with pytest.raises(openai.NotFoundError):
        await sdk.models.retrieve("org/model")


async def test_error_classes(live: Gateway) -> None:
    """Each status is its class; what must not be repeated is asked once."""
    async with _sdk(live, key="wrong") as client:
        with pytest.raises(openai.AuthenticationError) as wrong:
            await client.models.list()
    assert (wrong.value.code, wrong.value.type) == ("invalid_api_key", "invalid_request_error")
    async with _sdk(live, key=CHAT_KEY) as client:
        with pytest.raises(openai.PermissionDeniedError, match="videos"):
            await client.videos.create(prompt="x")
    async with _sdk(live) as client:
        with pytest.raises(openai.BadRequestError) as bad:
            await client.videos.create(prompt="x", seconds="7")
        assert bad.value.param == "seconds"
        with pytest.raises(openai.BadRequestError, match="not supported"):
            await client.videos.remix("video_1", prompt="x")
        with pytest.raises(openai.NotFoundError):
            await client.videos.retrieve("video_unknown")


@pytest.mark.parametrize(
    ("kind", "expected", "is_repeated"),
    [
        (ErrorKind.INSUFFICIENT_QUOTA, openai.RateLimitError, False),
        (ErrorKind.CONFLICT, openai.ConflictError, False),
        (ErrorKind.NO_ACCOUNT, openai.InternalServerError, False),
        (ErrorKind.STORE_UNAVAILABLE, openai.InternalServerError, False),
        (ErrorKind.QUEUE_FULL, openai.RateLimitError, True),
    ],
)
async def test_repetition(
    live: Gateway, kind: ErrorKind, expected: type[openai.APIStatusError], is_repeated: bool
) -> None:
    """The SDK repeats what may pass, and leaves the rest."""
    calls = 0

    async def refuse(*_: object, **__: object) -> None:
        nonlocal calls
        calls += 1
        raise GatewayError(kind, "No.", retry_after_s=0.01 if is_repeated else None)

    live.generations.submit = refuse  # type: ignore[method-assign, assignment]
    async with _sdk(live, max_retries=1) as client:
        with pytest.raises(expected):
            await client.videos.create(prompt="x")
    assert calls == (2 if is_repeated else 1)


async def test_stated_timeout_is_obeyed(live: Gateway) -> None:
    """A client that waits 11 s gets its answer after one: the job, not a broken connection."""
    async with _sdk(live, timeout=11, max_retries=0) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            await client.images.generate(prompt="x")
    assert caught.value.code == "still_running"
    assert caught.value.status_code == 504
