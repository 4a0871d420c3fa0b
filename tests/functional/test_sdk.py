"""The official OpenAI SDK against the whole product: every operation that this version has."""

from __future__ import annotations

import base64
import io
import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import av
import openai
import pytest
from openai import OpenAI
from PIL import Image

from tests.functional.harness import Process, free_port, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.filterwarnings("ignore:.*:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A demo that runs, as its ready file describes it."""
    folder = tmp_path_factory.mktemp("demo")
    file = folder / "ready.json"
    arguments = ["demo", "--port", str(free_port()), "--scenario", "fast", "--data-dir", "data"]
    demo = Process([*arguments, "--ready-file", str(file)], folder)
    with running(demo):
        for _ in range(600):
            assert demo.is_alive(), demo.log.read_text()
            if file.exists():
                break
            time.sleep(0.05)
        yield json.loads(file.read_text())


@pytest.fixture
def client(ready: dict[str, str]) -> Iterator[OpenAI]:
    """A client as its documentation makes one."""
    with OpenAI(base_url=ready["base_url"], api_key=ready["api_key"]) as made:
        yield made


def _picture(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (720, 1280), colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_video_from_text(client: OpenAI, tmp_path: Path) -> None:
    """Create, poll, download all variants: a portrait of 10 s that plays; then delete, and it is gone."""
    video = client.videos.create_and_poll(model="sora_video2", prompt="a kite")
    assert video.status == "completed"
    assert client.videos.retrieve(video.id).progress == 100
    path = tmp_path / "kite.mp4"
    client.videos.download_content(video.id).write_to_file(path)
    with av.open(path) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        assert (picture.width, picture.height) == (720, 1280)
        assert (picture.codec_context.name, sound.codec_context.name) == ("h264", "aac")
        assert sum(1 for _ in container.decode(video=0)) == 300
    thumbnail = client.videos.download_content(video.id, variant="thumbnail").read()
    spritesheet = client.videos.download_content(video.id, variant="spritesheet").read()
    assert Image.open(io.BytesIO(thumbnail)).format == "WEBP"
    assert Image.open(io.BytesIO(spritesheet)).format == "JPEG"
    assert client.videos.delete(video.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.videos.retrieve(video.id)


def test_video_from_picture(client: OpenAI, tmp_path: Path) -> None:
    """The picture arrives: the first frame shows it."""
    reference = ("start.png", _picture("orange"), "image/png")
    video = client.videos.create_and_poll(
        model="sora_video2-landscape-15s", prompt="it begins", input_reference=reference, timeout=60
    )
    assert video.status == "completed"
    assert (video.seconds, video.size) == ("15", "1280x720")
    path = tmp_path / "start.mp4"
    client.videos.download_content(video.id).write_to_file(path)
    with av.open(path) as container:
        frame = next(container.decode(video=0)).to_image()
    assert frame.size == (1280, 720)
    red, green, blue = frame.getpixel((640, 100))  # type: ignore[misc]
    assert red > 200
    assert 120 < green < 200
    assert blue < 60


def test_list_over_three_pages(client: OpenAI) -> None:
    """Every video once, newest first."""
    made = [client.videos.create(model="sora_video2", prompt=f"page {number}").id for number in range(5)]
    pages = client.videos.list(limit=2)
    seen = [video.id for video in pages]
    assert seen[:5] == made[::-1]
    assert len(seen) == len(set(seen))
    assert [video.id for video in client.videos.list(order="asc", limit=100)] == seen[::-1]


def test_images(client: OpenAI) -> None:
    """Generated and edited, as base64 and as a link that opens without a key."""
    made = client.images.generate(model="sora_image", prompt="a boat", size="1536x1024")
    assert made.data is not None
    picture = Image.open(io.BytesIO(base64.b64decode(made.data[0].b64_json or "")))
    assert picture.size == (1536, 1024)
    edited = client.images.edit(
        model="sora_image", image=[("a.png", _picture("red"), "image/png")], prompt="x", response_format="url"
    )
    assert edited.data is not None
    with urllib.request.urlopen(edited.data[0].url or "") as answer:
        colours = Image.open(io.BytesIO(answer.read())).convert("RGB").resize((8, 8))
    assert any(pixel[0] > 200 and pixel[1] < 60 for pixel in colours.getdata())


@pytest.mark.parametrize("model", ["sora_image", "sora_video2"])
def test_chat(client: OpenAI, model: str) -> None:
    """One answer at once, and one in pieces with progress beside it."""
    messages = [{"role": "user", "content": "a lighthouse"}]
    answer = client.chat.completions.create(model=model, messages=messages)  # type: ignore[call-overload]
    assert "/v1/files/" in answer.choices[0].message.content
    reasoning, content = "", ""
    for chunk in client.chat.completions.create(model=model, messages=messages, stream=True):  # type: ignore[call-overload]
        for choice in chunk.choices:
            reasoning += getattr(choice.delta, "reasoning_content", None) or ""
            content += choice.delta.content or ""
    assert "%" in reasoning
    assert ("<video" in content) == (model == "sora_video2")


def test_models(client: OpenAI) -> None:
    """Every model of the list can be retrieved, with its capabilities."""
    ids = [model.id for model in client.models.list()]
    assert "sora_video2" in ids
    assert all(client.models.retrieve(model_id).id == model_id for model_id in ids[:5])


def test_errors(client: OpenAI, ready: dict[str, str]) -> None:
    """Each failure is the SDK's class for it, with a message that says what would be right."""
    with (
        OpenAI(base_url=ready["base_url"], api_key="sg-wrong") as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.models.list()
    with pytest.raises(openai.BadRequestError, match="15s"):
        client.videos.create(model="sora_video2-30s", prompt="x")
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(model="sora_image", prompt="[refuse] this", extra_body={"n": 1})
    assert refused.value.code == "content_policy_violation"
