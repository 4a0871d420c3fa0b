"""The media host: signatures, ranges, and pixels that obey the request (sections 7.3, 8.3 and 12; A10)."""

from __future__ import annotations

import io
from typing import Any

import av
import pytest
from PIL import Image

from sora_gateway.simulator.media_host import byte_range
from tests.simulator.conftest import Running, picture


def _facts(data: bytes) -> tuple[int, int, float, Image.Image]:
    """Return width, height, seconds and the first frame of a video."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        first = next(container.decode(video=0)).to_image()
        assert container.duration is not None
        return stream.width, stream.height, container.duration / 1_000_000, first


def _distance(one: Image.Image, other: Image.Image) -> int:
    """Return the greatest difference of any channel between two pictures seen from afar."""
    small = [image.convert("RGB").resize((8, 8)).tobytes() for image in (one, other)]
    return max(abs(a - b) for a, b in zip(*small, strict=True))


async def test_a_link_expires_and_the_draft_gives_a_fresh_one(running: Running) -> None:
    """A10: 403 after expiry or on a wrong signature, without any bearer; then a fresh link."""
    async with running() as sim:
        draft = await sim.finished(n_frames=150)
        link = draft["downloadable_url"]
        assert (await sim.http.get(link)).status_code == 200
        assert (await sim.http.get(link.replace("sig=", "sig=A"))).status_code == 403
        sim.clock.at += 3 * 86_400
        assert (await sim.http.get(link)).status_code == 403
        fresh = (await sim.drafts())["items"][0]["downloadable_url"]
        assert fresh != link
        assert (await sim.http.get(fresh)).status_code == 200


@pytest.mark.parametrize(
    ("body", "size"),
    [
        ({"orientation": "portrait"}, (720, 1280, 10)),
        ({"orientation": "landscape", "n_frames": 150}, (1280, 720, 5)),
        ({"orientation": "portrait", "model": "sy_ore", "size": "large", "n_frames": 150}, (1024, 1792, 5)),
    ],
)
async def test_the_video_is_what_was_asked_for(
    running: Running, body: dict[str, Any], size: tuple[int, int, int]
) -> None:
    """Pixels and length of the file, and the same numbers in the draft."""
    async with running() as sim:
        draft = await sim.finished(account="pro", **body)
        assert (draft["width"], draft["height"], draft["duration_s"]) == size
        width, height, seconds, _ = _facts((await sim.http.get(draft["downloadable_url"])).content)
        assert (width, height) == size[:2]
        assert seconds == pytest.approx(size[2], abs=0.1)


async def test_an_uploaded_picture_is_the_first_frame(running: Running) -> None:
    """A red picture makes a red first frame."""
    async with running() as sim:
        media = (await sim.upload(picture("red", (720, 1280)), "pro")).json()["id"]
        items = [{"kind": "upload", "upload_id": media}]
        draft = await sim.finished(account="pro", n_frames=150, inpaint_items=items)
        *_, frame = _facts((await sim.http.get(draft["downloadable_url"])).content)
        assert _distance(frame, Image.new("RGB", (8, 8), "red")) < 20


async def test_an_earlier_generation_is_the_first_frame(running: Running) -> None:
    """The new video begins with the still of the old one."""
    async with running() as sim:
        old = await sim.finished("the first boat", n_frames=150)
        items = [{"kind": "generation", "generation_id": old["id"]}]
        new = await sim.finished("the second boat", n_frames=150, inpaint_items=items)
        *_, frame = _facts((await sim.http.get(new["downloadable_url"])).content)
        still = (await sim.http.get(old["encodings"]["thumbnail"]["path"])).content
        assert _distance(frame, Image.open(io.BytesIO(still))) < 40


async def test_smaller_renditions_and_stills(running: Running) -> None:
    """Half and quarter size, WebP stills; unknown ones are 404."""
    async with running() as sim:
        draft = await sim.finished(n_frames=150)
        medium = _facts((await sim.http.get(draft["url"])).content)
        assert medium[:2] == (360, 640)
        low = _facts((await sim.http.get(draft["encodings"]["ld"]["path"])).content)
        assert low[:2] == (180, 320)
        still = await sim.http.get(draft["encodings"]["thumbnail"]["path"])
        assert still.headers["content-type"] == "image/webp"
        assert Image.open(io.BytesIO(still.content)).format == "WEBP"


async def test_image_files(running: Running) -> None:
    """PNG source, WebP of several sizes."""
    async with running() as sim:
        await sim.image(width=540, height=360)
        sim.clock.at += 41
        (task,) = (await sim.get("/backend/v2/recent_tasks")).json()["task_responses"]
        encodings = task["generations"][0]["encodings"]
        for name, size, form in (
            ("source", (1536, 1024), "PNG"),
            ("md", (768, 512), "WEBP"),
            ("ld", (384, 256), "WEBP"),
        ):
            data = (await sim.http.get(encodings[name]["path"])).content
            with Image.open(io.BytesIO(data)) as image:
                assert (image.size, image.format) == (size, form)


async def test_ranges_head_and_tags(running: Running) -> None:
    """206, 416, 304, HEAD with the length, If-Range."""
    async with running() as sim:
        link = (await sim.finished(n_frames=150))["downloadable_url"]
        whole = await sim.http.get(link)
        size = len(whole.content)
        head = await sim.http.head(link)
        assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")
        assert head.headers["content-type"] == "video/mp4"
        part = await sim.http.get(link, headers={"range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, whole.content[100:200])
        assert part.headers["content-range"] == f"bytes 100-199/{size}"
        beyond = await sim.http.get(link, headers={"range": f"bytes={size}-"})
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
        tag = whole.headers["etag"]
        assert (await sim.http.get(link, headers={"if-none-match": tag})).status_code == 304
        stale = {"range": "bytes=0-9", "if-range": '"other"'}
        assert len((await sim.http.get(link, headers=stale)).content) == size
        assert (await sim.http.get(link, headers={"range": "bytes=0-9", "if-range": tag})).status_code == 206
        assert (await sim.http.get(link, headers={"range": "rows=1-2"})).status_code == 200


async def test_a_huge_file_plays_and_ranges_reach_into_its_padding(running: Running) -> None:
    """`[huge:3]`: three megabytes, still a video of the right length."""
    async with running() as sim:
        link = (await sim.finished("a whale [huge:3]", n_frames=150))["downloadable_url"]
        data = (await sim.http.get(link)).content
        assert len(data) == 3_000_000
        assert _facts(data)[2] == pytest.approx(5, abs=0.1)
        tail = await sim.http.get(link, headers={"range": "bytes=-10"})
        assert tail.content == data[-10:] == bytes(10)


async def test_truncated_download(running: Running) -> None:
    """Faults strike the media host too."""
    async with running() as sim:
        link = (await sim.finished("[huge:2]", n_frames=150))["downloadable_url"]
        await sim.http.post("/simulator/faults", json={"route": "GET /az/*", "kind": "truncate"})
        with pytest.raises(Exception, match="without sending complete message body"):
            await sim.http.get(link)
        assert len((await sim.http.get(link)).content) == 2_000_000


async def test_a_client_that_leaves_midway_is_no_trouble(running: Running) -> None:
    """The stream stops soon, however long it would have been."""
    async with running() as sim:
        link = (await sim.finished("[huge:900000]", n_frames=150))["downloadable_url"]
        async with sim.http.stream("GET", link) as answer:
            assert answer.headers["content-length"] == "900000000000"
            async for _ in answer.aiter_raw():
                break
        assert (await sim.http.get("/healthz")).status_code == 200


async def test_unknown_files(running: Running) -> None:
    """A good signature on nothing is a 404; each kind has its own paths."""
    async with running() as sim:
        draft = await sim.finished(n_frames=150)
        url = draft["downloadable_url"]
        assert (await sim.http.get(url.replace("/raw?", "/rar?"))).status_code == 404
        assert (await sim.http.get(f"{sim.address.media_origin}/az/vg-assets/x/y")).status_code == 403


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=5-", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-30", (0, 10)),
        ("bytes=5-99", (5, 10)),
        ("bytes=10-", (10, 10)),
        ("bytes=-0", (10, 10)),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("bytes=0-1,3-4", None),
    ],
)
def test_range_headers(header: str, found: tuple[int, int] | None) -> None:
    """What HTTP says about single ranges of ten bytes."""
    assert byte_range(header, 10) == found
