"""Files through the official SDK against the whole product: kept, used in requests, restarted, expired."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import av
import httpx2
import openai
import pytest
from openai import AsyncOpenAI
from openai.types import Video
from PIL import Image

from tests.functional.harness import Gateway, Simulator, running, until
from tests.media.samples import write_video

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.filterwarnings("ignore:.*:DeprecationWarning"),
]

ORANGE, BLUE = (255, 165, 0), (0, 0, 255)
SHORT_S = 4.0
LONG: Any = {"anchor": "created_at", "seconds": 3600}


def _picture(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (720, 1280), colour).save(buffer, "PNG")
    return buffer.getvalue()


def _client(gateway: Gateway, key: str) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{gateway.url}/sora/v1", api_key=key, max_retries=0)


async def _begins_with(client: AsyncOpenAI, video: Video, colour: tuple[int, int, int]) -> bool:
    """Tell whether the first picture of the video has the colour, where nothing is written on it."""
    assert video.status == "completed", video.error
    data = (await client.videos.download_content(video.id)).content
    with av.open(io.BytesIO(data)) as container:
        frame = next(container.decode(video=0)).to_image()
    found: Any = frame.getpixel((frame.width // 2, 100))
    return all(abs(a - b) < 50 for a, b in zip(found, colour, strict=True))


@asynccontextmanager
async def _product(folder: Path) -> AsyncIterator[tuple[Simulator, Gateway, str, str]]:
    simulator = Simulator(folder / "simulator")
    gateway = Gateway(
        folder / "gateway", simulator, SORA_GATEWAY_FILE_RETENTION_DAYS=f"{SHORT_S / 86_400:.9f}"
    )
    with running(simulator, gateway):
        await simulator.ready()
        await gateway.ready()
        gateway.add_accounts(await simulator.tokens())
        yield simulator, gateway, gateway.new_key(), gateway.new_key("chat")


async def test_files(tmp_path: Path) -> None:
    """Every operation of the SDK, references by id in each form, other licences, a restart, the end."""
    async with _product(tmp_path) as (_, gateway, key, other_key):
        async with _client(gateway, key) as client, _client(gateway, other_key) as other:
            picture, clip = await _operations(client, tmp_path)
            await _strangers(other, picture)
            await _references(client, picture, clip)
            await _raw_forms(gateway, key, picture)
        gateway.kill()
        gateway.start()
        await gateway.ready()
        async with _client(gateway, key) as client:
            assert (await client.files.content(picture)).content == _picture(ORANGE)
            assert [file.id async for file in client.files.list(order="asc")] == [picture, clip]
            await _expiry(client, gateway)


async def _operations(client: AsyncOpenAI, folder: Path) -> tuple[str, str]:
    path = folder / "猫.png"
    path.write_bytes(_picture(ORANGE))
    with path.open("rb") as file:
        picture = await client.files.create(file=file, purpose="vision", expires_after=LONG)
    assert (picture.filename, picture.bytes, picture.purpose, picture.status) == (
        "猫.png",
        path.stat().st_size,
        "vision",
        "processed",
    )
    assert picture.expires_at == picture.created_at + 3600
    moving = write_video(folder / "moving", size=(320, 240)).read_bytes()
    clip = await client.files.create(file=("c.mp4", moving), purpose="user_data", expires_after=LONG)
    gone = await client.files.create(file=("b.png", _picture(BLUE)), purpose="user_data", expires_after=LONG)
    assert [file.id async for file in client.files.list(limit=1)] == [gone.id, clip.id, picture.id]
    assert [file.id async for file in client.files.list(purpose="vision")] == [picture.id]
    assert await client.files.retrieve(picture.id) == picture
    assert await client.files.wait_for_processing(picture.id) == picture
    assert (await client.files.content(clip.id)).content == moving
    assert (await client.files.delete(gone.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await client.files.retrieve(gone.id)
    with pytest.raises(openai.BadRequestError, match="looks like text") as refused:
        await client.files.create(file=("a.png", b"just text"), purpose="vision")
    assert refused.value.param == "file"
    return picture.id, clip.id


async def _strangers(other: AsyncOpenAI, file_id: str) -> None:
    for attempt in (other.files.retrieve, other.files.content, other.files.delete):
        with pytest.raises(openai.NotFoundError):
            await attempt(file_id)
    assert [file async for file in other.files.list()] == []


async def _references(client: AsyncOpenAI, picture: str, clip: str) -> None:
    """The picture of the file becomes the first picture of the video; a finished image's id does too."""
    made = await client.videos.create_and_poll(
        model="sora_video2", prompt="it begins", extra_body={"input_reference": {"file_id": picture}}
    )
    assert await _begins_with(client, made, ORANGE)
    shown = await client.files.retrieve(made.id)
    assert (await client.files.content(made.id)).content == (
        await client.videos.download_content(made.id)
    ).content
    assert shown.filename == f"{made.id}.mp4"
    for file_id, words in ((clip, "is a video"), (made.id, "is a video"), ("file_unknown", "No file")):
        with pytest.raises(openai.BadRequestError, match=words) as refused:
            await client.videos.create(prompt="x", extra_body={"input_reference": {"file_id": file_id}})
        assert refused.value.param == "input_reference"


async def _raw_forms(gateway: Gateway, key: str, picture: str) -> None:
    async with gateway.client(key) as raw, _client(gateway, key) as client:
        bracketed = await raw.post(
            "/videos",
            files={
                "model": (None, "sora_video2"),
                "prompt": (None, "brackets"),
                "input_reference[file_id]": (None, picture),
            },
        )
        video = await client.videos.poll(bracketed.raise_for_status().json()["id"])
        assert await _begins_with(client, video, ORANGE)
        body = {"model": "sora_image", "prompt": "x", "response_format": "url"}
        edited = await raw.post("/images/edits", json={**body, "images": [{"file_id": picture}]})
        link = edited.raise_for_status().json()["data"][0]["url"]
        image_id = link.partition("/v1/files/")[2].partition("/")[0]
        async with httpx2.AsyncClient() as browser:
            opened = (await browser.get(link)).raise_for_status().content
        assert (await raw.get(f"/files/{image_id}/content")).raise_for_status().content == opened
        again = await raw.post("/images/edits", json={**body, "image": {"file_id": image_id}})
        assert again.status_code == 200, again.text


async def _expiry(client: AsyncOpenAI, gateway: Gateway) -> None:
    """A file without a time of its own goes when the settings say so, bytes and all; the others stay."""
    folder = gateway.data_dir / "media" / "files"
    before = set(folder.iterdir())
    brief = await client.files.create(file=("b.png", _picture(BLUE)), purpose="vision")
    assert {path.name for path in set(folder.iterdir()) - before} == {brief.id}

    async def is_swept() -> bool:
        return set(folder.iterdir()) == before

    await until(is_swept, timeout_s=SHORT_S + 10, what="the expired file is removed")
    with pytest.raises(openai.NotFoundError):
        await client.files.retrieve(brief.id)
