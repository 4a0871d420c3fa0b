"""The media tools pick the right tool by content and stay off the event loop."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.media.derive import LocalMediaTools
from sora_gateway.ports.media import MediaTools
from tests.media.samples import picture, short_id, write_video


@pytest.fixture
def tools() -> Iterator[LocalMediaTools]:
    tools = LocalMediaTools()
    yield tools
    tools.close()


async def test_results_by_content(tools: LocalMediaTools, tmp_path: Path) -> None:
    """A result's name says nothing, its content everything."""
    port: MediaTools = tools
    still = tmp_path / "video.mp4"
    still.write_bytes(picture("WEBP"))
    assert (await port.probe_file(still)).media_type == "image/webp"
    moving = write_video(tmp_path / "picture.png")
    assert (await port.probe_file(moving)).media_type == "video/mp4"
    assert (await port.probe_image(picture("PNG"))).media_type == "image/png"
    assert (await port.encode(still, "png")).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "content", [b"", b"<html>blocked</html>", bytes(1000), picture("GIF", mode="P")], ids=short_id
)
async def test_results_that_are_neither(tools: LocalMediaTools, tmp_path: Path, content: bytes) -> None:
    """An error page in place of the file is generation_failed and says what it looks like."""
    path = tmp_path / "video"
    path.write_bytes(content)
    with pytest.raises(GatewayError, match="looks like") as raised:
        await tools.probe_file(path)
    assert raised.value.kind is ErrorKind.GENERATION_FAILED


async def test_uploads_by_content(tools: LocalMediaTools, tmp_path: Path) -> None:
    """A caller's file may be a picture or a clip; a clip must be one."""
    port: MediaTools = tools
    still = tmp_path / "clip.mp4"
    still.write_bytes(picture("JPEG"))
    moving = write_video(tmp_path / "picture.png")
    assert (await port.probe_upload(still)).media_type == "image/jpeg"
    assert (await port.probe_upload(moving)).media_type == "video/mp4"
    assert (await port.probe_clip(moving)).duration_s == pytest.approx(2.0, abs=0.11)
    text = tmp_path / "text"
    text.write_bytes(b"%PDF-1.7")
    for action, path, words in (
        (port.probe_clip, still, "not an mp4"),
        (port.probe_upload, text, "neither .* a PDF"),
    ):
        with pytest.raises(GatewayError, match=words) as raised:
            await action(path)
        assert raised.value.kind is ErrorKind.INVALID_REQUEST


async def test_derived_files(tools: LocalMediaTools, tmp_path: Path) -> None:
    """A thumbnail of either kind is WebP, a sheet is JPEG."""
    still = tmp_path / "still"
    still.write_bytes(picture("PNG", (1280, 640)))
    moving = write_video(tmp_path / "moving", size=(720, 1280))
    thumbnails = [await tools.thumbnail(path) for path in (still, moving)]
    sheet = await tools.spritesheet(moving)
    shapes = []
    for data in (*thumbnails, sheet):
        with Image.open(io.BytesIO(data)) as image:
            shapes.append((image.format, image.size))
    assert shapes == [("WEBP", (640, 320)), ("WEBP", (360, 640)), ("JPEG", (450, 640))]


async def test_a_missing_file(tools: LocalMediaTools, tmp_path: Path) -> None:
    """A file that went away is the storage's fault."""
    for action in (tools.probe_file, tools.thumbnail, tools.spritesheet):
        with pytest.raises(GatewayError) as raised:
            await action(tmp_path / "gone")
        assert raised.value.kind is ErrorKind.STORAGE_UNAVAILABLE


async def test_the_limit_of_pixels() -> None:
    """The operator's limit holds for callers' pictures."""
    tools = LocalMediaTools(max_pixels=1000)
    with pytest.raises(GatewayError, match="at most 1,000"):
        await tools.probe_image(picture("PNG", (64, 48)))
    tools.close()


async def test_the_loop_goes_on(tools: LocalMediaTools) -> None:
    """While five large pictures are decoded, two at a time, the loop is never held up for long."""
    data = picture("JPEG", (3000, 2000))
    longest_s = 0.0
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(tools.probe_image(data)) for _ in range(5)]
        while not all(task.done() for task in tasks):
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest_s = max(longest_s, time.perf_counter() - before)
    assert longest_s < 0.2
