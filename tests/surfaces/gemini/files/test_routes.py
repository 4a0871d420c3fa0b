"""Downloads by file name."""

from __future__ import annotations

from dataclasses import replace

import httpx2
import pytest

from sora_gateway.domain.errors import ErrorKind
from tests.fakes import MP4, PNG, fails
from tests.gateway import Gateway, client_of


async def _made(gateway: Gateway, client: httpx2.AsyncClient, model: str, verb: str) -> str:
    body = {"instances": [{"prompt": "x"}], "parameters": {"sampleCount": 2}}
    gateway.generations.script = [gateway.generations.completes]
    await client.post(f"/v1beta/models/{model}:{verb}", json=body)
    return next(reversed(gateway.generations.histories))


@pytest.fixture
async def video_id(gateway: Gateway, client: httpx2.AsyncClient) -> str:
    """A finished video."""
    job_id = await _made(gateway, client, "sora_video2", "predictLongRunning")
    gateway.generations.change(job_id, gateway.generations.completes)
    return job_id.replace("_", "")


@pytest.mark.parametrize("mount", ["", "/sora"])
@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_video(client: httpx2.AsyncClient, video_id: str, mount: str, version: str) -> None:
    """Below both mounts, under both versions."""
    answer = await client.get(f"{mount}/{version}/files/{video_id}:download?alt=media")
    assert answer.status_code == 200
    assert answer.content == MP4
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-disposition"] == f'attachment; filename="{video_id}.mp4"'


@pytest.mark.parametrize("origin", ["http://gateway", "http://gateway/sora", "http://127.0.0.1:8000"])
async def test_pasted_uri(client: httpx2.AsyncClient, video_id: str, origin: str) -> None:
    """google-genai puts a whole ``http`` uri behind ``files/``, queries and all."""
    pasted = f"{origin}/v1beta/files/{video_id}:download?alt=media"
    answer = await client.get(f"/v1/files/{pasted}:download?alt=media")
    assert answer.content == MP4


async def test_range_and_head(client: httpx2.AsyncClient, video_id: str) -> None:
    """As all files are delivered."""
    path = f"/v1beta/files/{video_id}:download"
    part = await client.get(path, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, MP4[:4])
    head = await client.head(path)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(MP4)))


async def test_picture(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """The index stands in the id."""
    file = (await _made(gateway, client, "sora_image", "predict")).replace("_", "")
    for suffix, byte in (("", b"\x00"), ("u0", b"\x00"), ("u1", b"\x01")):
        answer = await client.get(f"/v1/files/{file}{suffix}:download")
        assert answer.content == PNG + byte
    assert (await client.get(f"/v1/files/{file}u2:download")).status_code == 404


async def test_only_the_owner(gateway: Gateway, client: httpx2.AsyncClient, video_id: str) -> None:
    """Another's file is not there, and without a key there is none at all."""
    async with client_of(gateway, key=None) as nobody:
        assert (await nobody.get(f"/v1beta/files/{video_id}:download")).status_code == 401
    for history in gateway.generations.histories.values():
        history.append(replace(history[-1], owner="another"))
    assert (await client.get(f"/v1beta/files/{video_id}:download")).status_code == 404


async def test_not_there(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """Not finished and failed are both 404, so that nobody asks again in vain."""
    body = {"instances": [{"prompt": "x"}]}
    name = (await client.post("/v1beta/models/sora_video2:predictLongRunning", json=body)).json()["name"]
    job_id = name.rpartition("/")[2]
    path = f"/v1beta/files/{job_id.replace('_', '')}:download"
    early = await client.get(path)
    assert (early.status_code, early.json()["error"]["details"][0]["reason"]) == (404, "VIDEO_NOT_READY")
    gateway.generations.change(job_id, fails(ErrorKind.CONTENT_REFUSED, "No cats."))
    late = await client.get(path)
    assert (late.status_code, late.json()["error"]["message"]) == (404, "No cats.")
