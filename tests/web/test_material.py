"""Pictures and clips of a request: the caller's own are read, all else is fetched."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Permission
from sora_gateway.domain.parameters import resolve
from sora_gateway.web.material import clip_from, picture_from, picture_of_file
from sora_gateway.web.state import Services
from tests.fakes import MP4, PNG, caller_of
from tests.gateway import Gateway

MINE = caller_of("licence-mine", Permission.VIDEOS)
OTHER = caller_of("licence-other", Permission.VIDEOS)
HOSTS = ["", "http://gateway/sora", "https://example.org"]


def _services(gateway: Gateway) -> Services:
    services: Services = gateway.app.state.services
    return services


async def _made(gateway: Gateway, model: str, *, is_done: bool = True) -> str:
    (job,) = await gateway.generations.submit([resolve({"model": model, "prompt": "x"}).request], MINE)
    if is_done:
        gateway.generations.change(job.id, gateway.generations.completes)
    return job.id


async def _uploaded(gateway: Gateway) -> str:
    async def pieces() -> AsyncIterator[bytes]:
        yield PNG

    file = await _services(gateway).files.add(pieces(), MINE, name="a", purpose="vision", param="file")
    return file.id


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    "path",
    [
        "/v1/files/{job}/image/0",
        "/v1/files/{job}/image/0.png?exp=1&sig=old",
        "/v1/files/{job}/content",
        "/v1beta/files/{flat}:download?alt=media",
        "/v1beta/files/{flat}",
    ],
)
async def test_own_pictures_are_not_fetched(gateway: Gateway, host: str, path: str) -> None:
    """Every address of a result does for its owner; for anybody else it is a URL like any other."""
    job_id = await _made(gateway, "sora_image")
    url = host + path.format(job=job_id, flat=job_id.replace("_", ""))
    await picture_from(_services(gateway), MINE, url, param="image")
    assert gateway.generations.stored == [("image", PNG + b"\x00")]
    assert gateway.generations.fetched == []
    await picture_from(_services(gateway), OTHER, url, param="image")
    assert gateway.generations.fetched == [("image", url)]


@pytest.mark.parametrize(
    "path", ["/v1/files/{job}/video/0.mp4", "/v1/files/{job}/content", "/v1/videos/{job}/content"]
)
async def test_own_clips_are_not_fetched(gateway: Gateway, path: str) -> None:
    """The same for videos, which are no pictures."""
    url = "http://gateway" + path.format(job=await _made(gateway, "sora_video2"))
    await clip_from(_services(gateway), MINE, url, param="character_url")
    assert gateway.generations.stored == [("character_url", MP4)]
    with pytest.raises(GatewayError, match="must name a picture") as caught:
        await picture_from(_services(gateway), MINE, url, param="image")
    assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, "image")
    assert gateway.generations.fetched == []


async def test_a_variant_of_a_video_is_a_picture(gateway: Gateway) -> None:
    """The spritesheet of a video, by the address of the Videos API."""
    url = f"/v1/videos/{await _made(gateway, 'sora_video2')}/content?variant=spritesheet"
    await picture_from(_services(gateway), MINE, url, param="image")
    assert gateway.generations.stored == [("image", b"\xff\xd8\xff sheet")]


async def test_uploaded_files(gateway: Gateway) -> None:
    """By their address or their id, for their owner."""
    file_id = await _uploaded(gateway)
    services = _services(gateway)
    await picture_from(services, MINE, f"http://gateway/v1/files/{file_id}/content", param="image")
    await picture_of_file(services, MINE, file_id, param="image")
    assert gateway.generations.stored == [("image", PNG), ("image", PNG)]
    with pytest.raises(GatewayError, match="No file with id"):
        await picture_of_file(services, OTHER, file_id, param="image")


async def test_what_is_not_finished_is_refused(gateway: Gateway) -> None:
    """The field is named."""
    job_id = await _made(gateway, "sora_image", is_done=False)
    with pytest.raises(GatewayError, match="not finished") as caught:
        await picture_from(_services(gateway), MINE, f"/v1/files/{job_id}/image/0", param="image")
    assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, "image")


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/a.png",
        "data:image/png;base64,iVBORw0KGgo=",
        "iVBORw0KGgo=",
        "http://[",
        "https://example.org/v1/files/image_0/image/0",
        "https://example.org/v1/files/" + "image_" + "0" * 26 + "/sound/0",
        "https://example.org/" + "v1/files/" * 500,
    ],
)
async def test_all_else_is_fetched(gateway: Gateway, text: str) -> None:
    """As it stands."""
    await picture_from(_services(gateway), MINE, text, param="image")
    await clip_from(_services(gateway), MINE, text, param="url")
    assert gateway.generations.fetched == [("image", text), ("url", text)]
