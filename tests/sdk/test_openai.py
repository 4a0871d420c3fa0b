"""OpenAI's own Python SDK against a real server, as its users call it."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
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
from tests.sdk.product import Product

pytestmark = [
    pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning"),  # create_variation
]


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


@pytest.mark.parametrize("image", [PNG, io.BytesIO(PNG), ("cat.png", PNG), ("cat.png", PNG, "image/png")])
async def test_image_variations(finishing: Gateway, sdk: AsyncOpenAI, image: Any) -> None:
    """A picture without words, as the SDK sends it; the words that were used come back."""
    made = await sdk.images.create_variation(image=image, n=2, size="512x512", model="dall-e-2")
    assert made.data
    assert [base64.b64decode(one.b64_json or "") for one in made.data] == [PNG + b"\x00", PNG + b"\x01"]
    prompt = finishing.generations.submitted[0][0].prompt
    assert {one.revised_prompt for one in made.data} == {prompt}
    assert finishing.generations.stored == [("image", PNG)]


async def test_image_links(sdk: AsyncOpenAI) -> None:
    """All three calls give links that open without a key, in the format asked for."""
    answers = [
        await sdk.images.generate(prompt="x", response_format="url", output_format="webp"),
        await sdk.images.edit(prompt="x", image=PNG, response_format="url", output_format="webp"),
        await sdk.images.create_variation(
            image=PNG, response_format="url", extra_body={"output_format": "webp"}
        ),
    ]
    async with httpx2.AsyncClient(verify=False) as browser:
        for answer in answers:
            assert answer.data
            opened = await browser.get(answer.data[0].url or "")
            assert (opened.headers["content-type"], answer.output_format) == ("image/webp", "webp")


@pytest.mark.parametrize("partial_images", [None, 0, 1, 3])
async def test_images_streamed(sdk: AsyncOpenAI, partial_images: int | None) -> None:
    """One event ends the stream; before it at most one small picture, and only on request."""
    made = await sdk.images.generate(prompt="x", stream=True, partial_images=partial_images)
    generated = [event async for event in made]
    changed = await sdk.images.edit(prompt="x", image=[PNG], stream=True, partial_images=partial_images)
    edited = [event async for event in changed]
    ends = ["partial_image", "completed"] if partial_images else ["completed"]
    assert [event.type for event in generated] == [f"image_generation.{end}" for end in ends]
    assert [event.type for event in edited] == [f"image_edit.{end}" for end in ends]
    for events in (generated, edited):
        assert base64.b64decode(events[-1].b64_json) == PNG + b"\x00"
        assert [event.partial_image_index for event in events if "partial" in event.type] == [0][
            : len(ends) - 1
        ]


async def test_image_errors(live: Gateway) -> None:
    """Each status is its class, on every call; in a stream the SDK raises too."""
    async with _sdk(live, key=CHAT_KEY) as client:
        with pytest.raises(openai.PermissionDeniedError, match="images"):
            await client.images.create_variation(image=PNG)
    async with _sdk(live, max_retries=0) as client:
        with pytest.raises(openai.BadRequestError) as no_picture:
            await client.images.create_variation(image=b"text")
        assert no_picture.value.param == "image"
        with pytest.raises(openai.BadRequestError) as too_many:
            await client.images.generate(prompt="x", stream=True, partial_images=4)
        assert too_many.value.param == "partial_images"
        with pytest.raises(openai.BadRequestError) as other_bytes:
            await client.images.edit(prompt="x", image=PNG, output_format="gif")  # type: ignore[call-overload]
        assert other_bytes.value.param == "output_format"
        live.generations.script = [fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
        with pytest.raises(openai.BadRequestError) as refused:
            await client.images.create_variation(image=PNG)
        assert refused.value.code == "content_policy_violation"
        stream = await client.images.edit(prompt="x", image=PNG, stream=True, partial_images=1)
        with pytest.raises(openai.APIError, match="No cats") as late:
            async for _ in stream:
                pass
        assert late.value.code == "content_policy_violation"


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


def _user(text: str) -> Any:
    return {"role": "user", "content": text}


async def test_chat_about_an_earlier_answer(finishing: Gateway, sdk: AsyncOpenAI) -> None:
    """The answer goes back as it came: its picture is the reference, its video is changed."""
    for model in ("sora_image", "sora_video2"):
        first = await sdk.chat.completions.create(model=model, messages=[_user("画小猫")])
        messages: Any = [_user("画小猫"), first.choices[0].message.model_dump(), _user("make it darker")]
        await sdk.chat.completions.create(model=model, messages=messages)
    _, (darker,), (video,), (changed,) = finishing.generations.submitted
    assert (darker.prompt, len(darker.inputs)) == ("make it darker", 1)
    assert (video.remix, changed.prompt) == (None, "make it darker")
    assert changed.remix
    assert changed.remix.job_id.startswith("video_")


async def test_chat_remix_by_link(finishing: Gateway, sdk: AsyncOpenAI) -> None:
    """The link that an answer gave, in the next question."""
    made = await sdk.chat.completions.create(model="sora_video2", messages=[_user("画小猫")])
    link = re.search(r"\((http[^)]+)\)", made.choices[0].message.content or "")
    assert link
    question = [_user(f"{link[1]} 再加一只小狗")]
    stream = await sdk.chat.completions.create(model="sora_video2", messages=question, stream=True)
    content = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert content.startswith("<video src=")
    (request,) = finishing.generations.submitted[-1]
    assert request.remix
    assert (request.prompt, request.remix.job_id) == ("再加一只小狗", link[1].split("/")[-3])
    with pytest.raises(openai.BadRequestError, match="cannot change a video") as caught:
        await sdk.chat.completions.create(model="sora_image", messages=question)
    assert (caught.value.code, caught.value.param) == ("invalid_model", "model")


@pytest.mark.parametrize("model", ["sora_image", "sora_video2"])
async def test_chat_with_several_results(sdk: AsyncOpenAI, model: str) -> None:
    """``n`` results are one choice, streamed and not."""
    messages = [_user("画小猫")]
    whole = await sdk.chat.completions.create(model=model, messages=messages, n=2)
    (choice,) = whole.choices
    stream = await sdk.chat.completions.create(model=model, messages=messages, n=2, stream=True)
    chunks = [chunk async for chunk in stream]
    assert {one.index for chunk in chunks for one in chunk.choices} == {0}
    streamed = "".join(one.delta.content or "" for chunk in chunks for one in chunk.choices)
    for content in (choice.message.content or "", streamed):
        assert len(set(re.findall(r"\((http[^)]+)\)", content))) == 2


async def test_chat_progress_on_wish(sdk: AsyncOpenAI) -> None:
    """Into a whole answer, out of a stream; by body and by query."""
    messages = [_user("画小猫")]
    for given in ("extra_body", "extra_query"):
        asking: Any = {given: {"return_reasoning_content": True}}
        whole = await sdk.chat.completions.create(model="sora_image", messages=messages, **asking)
        assert "In progress: 50 %" in (whole.choices[0].message.model_extra or {})["reasoning_content"]
        asking = {given: {"close_reasoning_content": True}}
        stream = await sdk.chat.completions.create(
            model="sora_image", messages=messages, stream=True, **asking
        )
        deltas = [chunk.choices[0].delta async for chunk in stream]
        assert not any("reasoning_content" in (delta.model_extra or {}) for delta in deltas)


async def test_chat_pictures_as_data(sdk: AsyncOpenAI) -> None:
    """``modalities``: ``message.images`` and no markdown."""
    made = await sdk.chat.completions.create(
        model="sora_image", messages=[_user("画小猫")], extra_body={"modalities": ["image", "text"]}
    )
    message = made.choices[0].message
    assert message.content == ""
    (image,) = (message.model_extra or {})["images"]
    assert image["image_url"]["url"].startswith("data:image/png;base64,iVBORw0")


async def test_chat_words_a_prompt(finishing: Gateway, sdk: AsyncOpenAI) -> None:
    """A text model answers with the better prompt, streamed and not; a refusal has its status."""
    messages = [_user("画小猫")]
    whole = await sdk.chat.completions.create(model="prompt-enhance-long-15s|[free]", messages=messages)
    assert whole.choices[0].message.content == "画小猫, long, 15 s, free"
    stream = await sdk.chat.completions.create(
        model="prompt-enhance-short-10s", messages=messages, stream=True
    )
    content = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert content == "画小猫, short, 10 s, any"
    finishing.app.state.services.enhancer.refusal = GatewayError(ErrorKind.CONTENT_REFUSED, "No cats.")
    with pytest.raises(openai.BadRequestError) as caught:
        await sdk.chat.completions.create(model="prompt-enhance-short-10s", messages=messages, stream=True)
    assert caught.value.code == "content_policy_violation"
    with pytest.raises(openai.BadRequestError, match="for chat only"):
        await sdk.videos.create(model="prompt-enhance-short-10s", prompt="画小猫")


@pytest.mark.slow
def test_chat_with_the_whole_product(product: Product) -> None:
    """Through store, engine and a backend: a picture changed, a video changed, a prompt worded."""
    with OpenAI(api_key=product.chat_key, base_url=f"{product.root_url}/sora/v1", max_retries=0) as client:

        def say(model: str, *messages: Any) -> Any:
            return client.chat.completions.create(model=model, messages=list(messages)).choices[0].message

        picture = say("sora_image", _user("a cat"))
        again = say("sora_image", _user("a cat"), picture.model_dump(), _user("make it darker"))
        assert again.content.startswith("![image](http")
        video = say("sora_video2", _user("a cat"))
        changed = say("sora_video2", _user("a cat"), video.model_dump(), _user("make it darker"))
        assert changed.content.startswith("<video src=")
        moving = say("sora_video2", _user("a cat"), picture.model_dump(), _user("it begins to move"))
        assert moving.content.startswith("<video src=")
        worded = say("prompt-enhance-medium-15s", _user("a cat"))
        assert "a cat" in worded.content
        assert len(worded.content) > len("a cat")
        video_id = re.search(r"video_[0-9a-z]{26}", video.content)
        assert video_id
        question = [_user(f"{video_id[0]} add a dog")]
        stream = client.chat.completions.create(model="sora_video2", messages=question, stream=True)
        said = [chunk.choices[0].delta for chunk in stream]
        assert "<video src=" in "".join(delta.content or "" for delta in said)
    ledger = httpx2.get(f"{product.simulator_url}/simulator/ledger").json()
    bodies = json.dumps(ledger, ensure_ascii=False)
    assert bodies.count("remix_target_id") >= 2


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
        with pytest.raises(openai.NotFoundError, match="video_1"):
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


async def test_change_and_extend(finishing: Gateway, sdk: AsyncOpenAI) -> None:
    """A remix, an edit and an extension of a finished video.

    The SDK has no way to name a video in an edit but ``extra_body``: its own dictionary it takes for a file.
    """
    source = await sdk.videos.create_and_poll(prompt="a boat", model="sora_video2", poll_interval_ms=10)
    remix = await sdk.videos.remix(source.id, prompt="add a dog", extra_body={"style": "anime"})
    assert remix.remixed_from_video_id == source.id
    named = {"video": {"id": source.id}}
    edit = await sdk.videos.edit(prompt="add a cat", video=openai.omit, extra_body=named)  # type: ignore[arg-type]
    assert edit.remixed_from_video_id == source.id
    longer = await sdk.videos.extend(
        prompt="to the sea",
        seconds="8",
        video=openai.omit,  # type: ignore[arg-type]
        extra_body=named,
    )
    assert (longer.seconds, longer.remixed_from_video_id) == ("20", source.id)
    with pytest.raises(openai.BadRequestError) as caught:
        await sdk.videos.edit(prompt="x", video=("a.mp4", MP4, "video/mp4"))
    assert (caught.value.code, caught.value.param) == ("unsupported", "video")
    with pytest.raises(openai.NotFoundError):
        await sdk.videos.remix("video_unknown", prompt="x")


@pytest.mark.parametrize("clip", [MP4, io.BytesIO(MP4), ("cat.mp4", MP4), ("cat.mp4", MP4, "video/mp4")])
async def test_characters(finishing: Gateway, sdk: AsyncOpenAI, clip: Any) -> None:
    """Made of a file, looked at, and shown in a video."""
    made = await sdk.videos.create_character(name="Rusty", video=clip)
    assert made.name == "Rusty"
    assert made.id is not None
    looked = await sdk.videos.get_character(made.id)
    assert (looked.id, looked.created_at) == (made.id, made.created_at)
    assert finishing.generations.stored == [("video", MP4)]
    await sdk.videos.create(prompt="x", model="sora_video2", extra_body={"characters": [{"id": made.id}]})
    assert len(finishing.generations.submitted[-1][0].mentions) == 1


async def test_refused_character(live: Gateway) -> None:
    """A person in the clip is the SDK's bad request, asked once."""
    live.generations.script = [fails(ErrorKind.CONTENT_REFUSED, "A real person.")]
    async with _sdk(live) as client:
        with pytest.raises(openai.BadRequestError, match=r"A real person\.") as caught:
            await client.videos.create_character(name="x", video=MP4)
    assert caught.value.code == "content_policy_violation"
    assert len(live.generations.histories) == 1
