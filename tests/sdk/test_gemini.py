"""Google's own Python SDK against a real server, as its users call it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from google import genai
from google.genai import errors, types
from PIL import Image

from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.media import Aspect
from sora_gateway.domain.model_names import catalogue
from tests.fakes import MP4, PNG, fails, progresses, starts
from tests.functional import harness
from tests.gateway import CHAT_KEY, KEY, Gateway
from tests.surfaces.gemini.wiring import served_gemini

pytestmark = [
    pytest.mark.filterwarnings("ignore:The generate_:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The generate_images:google.genai.errors.ExperimentalWarning"),
]

VIDEOS_CONFIG = types.GenerateVideosConfig(duration_seconds=15, aspect_ratio="16:9")


@asynccontextmanager
async def sdk(
    url: str, *, key: str = KEY, is_vertex: bool = False, base: str = "/sora", **options: Any
) -> AsyncIterator[Any]:
    """Return the asynchronous client as the manual shows it: a key and a base URL."""
    options = {"base_url": url + base, "async_client_args": {"trust_env": False}, **options}
    client = genai.Client(api_key=key, vertexai=is_vertex, http_options=types.HttpOptions(**options))
    async with client.aio as aio:
        yield aio
    client.close()


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway whose jobs end well by themselves."""
    async with served_gemini(tmp_path) as gateway:
        gateway.generations.script = [starts, progresses(0.5), gateway.generations.completes]
        yield gateway


def _pictures(answer: types.GenerateContentResponse) -> list[bytes]:
    return [part.inline_data.data or b"" for part in answer.parts or [] if part.inline_data]


@pytest.mark.parametrize("base", ["/sora", "/sora/", "", "/"])
@pytest.mark.parametrize("version", [None, "v1", "v1beta"])
async def test_image(live: Gateway, base: str, version: str | None) -> None:
    """A picture in the answer, on every base URL and version."""
    async with sdk(live.url, base=base, api_version=version) as client:
        answer = await client.models.generate_content(
            model="sora_image",
            contents="画小猫",
            config=types.GenerateContentConfig(
                response_modalities=["IMAGE"],
                image_config=types.ImageConfig(aspect_ratio="3:2", image_size="1K"),
            ),
        )
    assert _pictures(answer) == [PNG + b"\x00"]
    assert answer.parts[0].inline_data.mime_type == "image/png"
    assert answer.model_version == "sora_image"
    assert answer.usage_metadata.prompt_token_count == 3
    assert live.generations.submitted[0][0].aspect is Aspect.LANDSCAPE


@pytest.mark.parametrize("is_vertex", [False, True])
async def test_references(live: Gateway, is_vertex: bool) -> None:
    """Bytes and a link beside the text, and the history of a conversation before."""
    async with sdk(live.url, is_vertex=is_vertex) as client:
        answer = await client.models.generate_content(
            model="sora_image",
            contents=[
                types.UserContent("first"),
                types.ModelContent(types.Part.from_bytes(data=PNG, mime_type="image/png")),
                types.UserContent(
                    [
                        "last",
                        types.Part.from_bytes(data=PNG, mime_type="image/png"),
                        types.Part.from_uri(file_uri="https://example.com/a.png", mime_type="image/png"),
                    ]
                ),
            ],
        )
    assert len(_pictures(answer)) == 1
    ((request,),) = live.generations.submitted
    assert (request.prompt, len(request.inputs)) == ("last", 2)
    assert live.generations.fetched[1] == ("contents", "https://example.com/a.png")


async def test_pictures_of_pil(live: Gateway) -> None:
    """As many examples have it."""
    async with sdk(live.url) as client:
        await client.models.generate_content(
            model="sora_image", contents=["x", Image.new("RGB", (8, 8), "red")]
        )
    ((_, url),) = live.generations.fetched
    assert url.startswith("data:;base64,iVBOR")


@pytest.mark.parametrize("is_vertex", [False, True])
async def test_stream(live: Gateway, is_vertex: bool) -> None:
    """Thoughts about the progress, then the picture."""
    async with sdk(live.url, is_vertex=is_vertex) as client:
        stream = await client.models.generate_content_stream(model="sora_image", contents="画小猫")
        pieces = [piece async for piece in stream]
    thoughts = [part.text for piece in pieces for part in piece.parts or [] if part.thought]
    assert "In progress: 50 %\n" in thoughts
    assert _pictures(pieces[-1]) == [PNG + b"\x00"]
    assert pieces[-1].candidates[0].finish_reason is types.FinishReason.STOP
    assert pieces[-1].usage_metadata.total_token_count == 3


async def test_quiet_stream(tmp_path: Path) -> None:
    """Heartbeats are nothing that the SDK sees."""
    async with served_gemini(tmp_path, ping_s=0.01) as gateway, sdk(gateway.url) as client:
        gateway.generations.step_s = 0.3
        gateway.generations.script = [starts, gateway.generations.completes]
        stream = await client.models.generate_content_stream(model="sora_image", contents="x")
        pieces = [piece async for piece in stream]
    assert [len(piece.parts) for piece in pieces] == [1] * 4


async def test_video_in_a_conversation(live: Gateway) -> None:
    """A link in the text, and a file to download."""
    async with sdk(live.url) as client:
        answer = await client.models.generate_content(model="sora_video2", contents="画小猫")
        assert answer.text.startswith(f"[Download video]({live.url}/sora/v1/files/")
        file = answer.parts[1].file_data
        assert file.mime_type == "video/mp4"
        assert await client.files.download(file=file.file_uri) == MP4


async def test_chat(live: Gateway) -> None:
    """The SDK's own conversations."""
    async with sdk(live.url) as client:
        chat = client.chats.create(model="sora_image")
        for prompt in ("first", "second"):
            assert len(_pictures(await chat.send_message(prompt))) == 1
    assert [requests[0].prompt for requests in live.generations.submitted] == ["first", "second"]


async def test_our_parameters(live: Gateway) -> None:
    """``extra_body`` carries what the SDK has no name for."""
    async with sdk(live.url) as client:
        options = types.HttpOptions(extra_body={"hd": True, "style": "anime"})
        await client.models.generate_content(
            model="sora_video2", contents="x", config=types.GenerateContentConfig(http_options=options)
        )
    ((request,),) = live.generations.submitted
    assert (request.hd, request.style) == (True, "anime")


@pytest.mark.parametrize("is_vertex", [False, True])
async def test_count_tokens(live: Gateway, is_vertex: bool) -> None:
    """An estimate."""
    async with sdk(live.url, is_vertex=is_vertex) as client:
        assert (await client.models.count_tokens(model="sora_image", contents="画小猫")).total_tokens == 3


async def test_models(live: Gateway) -> None:
    """All pages, and one."""
    async with sdk(live.url) as client:
        pager = await client.models.list(config={"page_size": 7})
        names = [model.name async for model in pager]
        model = await client.models.get(model="sora_video2|[free,plus]")
        with pytest.raises(errors.ClientError) as caught:
            await client.models.get(model="gemini-3.8-flash")
    assert len(set(names)) == len(names)
    assert {f"models/{model.asked}" for model in catalogue()} <= set(names)
    assert model.name == "models/sora_video2|[free,plus]"
    assert "predictLongRunning" in model.supported_actions
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")


@pytest.mark.parametrize("base", ["/sora", ""])
async def test_videos(live: Gateway, base: str) -> None:
    """``generate_videos`` needs ``vertexai=True`` from 3.x on: the bytes come with the operation."""
    async with sdk(live.url, base=base, is_vertex=True) as client:
        source = types.GenerateVideosSource(
            prompt="画小猫", image=types.Image(image_bytes=PNG, mime_type="image/png")
        )
        operation = await client.models.generate_videos(
            model="sora_video2", source=source, config=VIDEOS_CONFIG
        )
        while not operation.done:
            await asyncio.sleep(0.01)
            operation = await client.operations.get(operation)
    (made,) = operation.response.generated_videos
    assert (made.video.video_bytes, made.video.mime_type) == (MP4, "video/mp4")
    ((request,),) = live.generations.submitted
    assert (request.duration_s, request.aspect, len(request.inputs)) == (15, Aspect.LANDSCAPE, 1)


@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_operation_by_key(live: Gateway, version: str) -> None:
    """An operation that an older release started: looked at and downloaded by name, over plain ``http``."""
    async with httpx2.AsyncClient(base_url=live.url, headers={"x-goog-api-key": KEY}, verify=False) as http:
        body = {"instances": [{"prompt": "x"}], "parameters": {"sampleCount": 2}}
        started = await http.post("/sora/v1beta/models/sora_video2:predictLongRunning", json=body)
    async with sdk(live.url, api_version=version) as client:
        operation = types.GenerateVideosOperation(name=started.json()["name"])
        while not operation.done:
            await asyncio.sleep(0.01)
            operation = await client.operations.get(operation)
        made = operation.response.generated_videos
        assert len(made) == 2
        for entry in made:
            assert await client.files.download(file=entry.video) == MP4
            assert entry.video.mime_type == "video/mp4"
            assert await client.files.download(file=entry.video.uri.replace("http://", "https://")) == MP4


async def test_failed_operation(live: Gateway) -> None:
    """A failed job is an answer."""
    live.generations.script = [fails(ErrorKind.CONTENT_REFUSED, "No cats.")]
    async with sdk(live.url, is_vertex=True) as client:
        operation = await client.models.generate_videos(model="sora-2", source={"prompt": "x"})
        while not operation.done:
            await asyncio.sleep(0.01)
            operation = await client.operations.get(operation)
    assert operation.error["message"] == "No cats."
    assert operation.response is None


async def test_images(live: Gateway) -> None:
    """``generate_images`` likewise."""
    async with sdk(live.url, is_vertex=True) as client:
        answer = await client.models.generate_images(
            model="sora_image",
            prompt="画小猫",
            config=types.GenerateImagesConfig(
                number_of_images=2, aspect_ratio="1:1", output_mime_type="image/jpeg"
            ),
        )
    assert [made.image.image_bytes for made in answer.generated_images] == [
        b"jpeg:" + PNG + b"\x00",
        b"jpeg:" + PNG + b"\x01",
    ]
    assert answer.generated_images[0].image.mime_type == "image/jpeg"


async def test_error_classes(live: Gateway) -> None:
    """Each status is its class, with message and status read from the body."""
    async with sdk(live.url, key="wrong") as client:
        with pytest.raises(errors.ClientError) as wrong:
            await client.models.list()
    assert (wrong.value.code, wrong.value.status) == (401, "UNAUTHENTICATED")
    async with sdk(live.url, key=CHAT_KEY) as client:
        with pytest.raises(errors.ClientError, match="gemini") as poor:
            await client.models.generate_content(model="sora_image", contents="x")
    assert (poor.value.code, poor.value.status) == (403, "PERMISSION_DENIED")
    async with sdk(live.url) as client:
        with pytest.raises(errors.ClientError) as unknown:
            await client.models.generate_content(model="gemini-3.8-flash", contents="x")
        config = types.GenerateContentConfig(image_config=types.ImageConfig(aspect_ratio="16:9"))
        with pytest.raises(errors.ClientError, match="1:1, 3:2, 2:3") as impossible:
            await client.models.generate_content(model="sora_image", contents="x", config=config)
        live.generations.script = [fails(ErrorKind.GENERATION_FAILED, "Bad luck.")]
        with pytest.raises(errors.ServerError, match="Bad luck") as late:
            await client.models.generate_content(model="sora_image", contents="x")
        stream = await client.models.generate_content_stream(model="sora_image", contents="x")
        with pytest.raises(errors.ServerError, match="Bad luck"):
            async for _ in stream:
                pass
    assert (unknown.value.code, unknown.value.status) == (404, "NOT_FOUND")
    assert (impossible.value.code, impossible.value.status) == (400, "INVALID_ARGUMENT")
    assert late.value.code == 502


def _use_sync(url: str) -> list[bytes]:
    options = types.HttpOptions(base_url=f"{url}/sora", client_args={"trust_env": False})
    with genai.Client(api_key=KEY, http_options=options) as client:
        answer = client.models.generate_content(model="sora_image", contents="x")
        *_, last = client.models.generate_content_stream(model="sora_video2", contents="x")
        buffer = io.BytesIO()
        client.files.download(file=last.parts[1].file_data.file_uri, destination=buffer)
        return [*_pictures(answer), buffer.getvalue()]


async def test_sync_client(live: Gateway) -> None:
    """The synchronous client is the same."""
    assert await asyncio.to_thread(_use_sync, live.url) == [PNG + b"\x00", MP4]


# --- the whole house --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_whole_house(tmp_path: Path) -> None:
    """A running gateway with a running backend behind it: real pictures, real videos."""
    simulator = harness.Simulator(tmp_path / "simulator")
    gateway = harness.Gateway(tmp_path / "gateway", simulator)
    with harness.running(simulator, gateway):
        await simulator.ready()
        await gateway.ready()
        gateway.add_accounts(await simulator.tokens())
        key = gateway.new_key("gemini")
        async with sdk(gateway.url, key=key) as client:
            answer = await client.models.generate_content(model="sora_image", contents="画小猫")
            (picture,) = _pictures(answer)
            with Image.open(io.BytesIO(picture)) as image:
                assert image.width == image.height
            stream = await client.models.generate_content_stream(
                model="sora_video2",
                contents=["make it move", types.Part.from_bytes(data=picture, mime_type="image/png")],
            )
            pieces = [piece async for piece in stream]
            file = pieces[-1].parts[1].file_data
            assert (await client.files.download(file=file.file_uri))[4:8] == b"ftyp"
        async with sdk(gateway.url, key=key, is_vertex=True) as client:
            operation = await client.models.generate_videos(
                model="sora-2", source={"prompt": "画小猫"}, config={"duration_seconds": 8}
            )
            while not operation.done:
                await asyncio.sleep(0.2)
                operation = await client.operations.get(operation)
            (made,) = operation.response.generated_videos
            assert made.video.video_bytes[4:8] == b"ftyp"
            images = await client.models.generate_images(
                model="sora_image", prompt="x", config={"output_mime_type": "image/jpeg"}
            )
            assert images.generated_images[0].image.image_bytes.startswith(b"\xff\xd8")
