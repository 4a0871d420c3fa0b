"""Links open results without a key, until they expire, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import httpx2
import pytest

from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.jobs import Job
from tests.fakes import MP4, PNG, fails
from tests.gateway import KEY, Gateway, client_of


async def _finished(gateway: Gateway, client: httpx2.AsyncClient, model: str = "sora_video2") -> Job:
    if model == "sora_image":
        gateway.generations.script = [gateway.generations.completes]
        await client.post("/v1/images/generations", json={"prompt": "x", "n": 2})
    else:
        await client.post("/v1/videos", json={"prompt": "x", "model": model})
    (job_id,) = gateway.generations.histories
    job = gateway.generations.job(job_id)
    return job if job.is_final else gateway.generations.change(job_id, gateway.generations.completes)


def _path(gateway: Gateway, job: Job, variant: str = "video", index: int = 0) -> str:
    signed = gateway.app.state.services.links.sign(job.id, variant, index, gateway.clock.at + 60)
    return f"/v1/files/{signed}"


async def test_link_needs_no_key(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """In place, with ranges, for browsers; over either mount."""
    job = await _finished(gateway, client)
    async with client_of(gateway, key=None) as browser:
        whole = await browser.get(_path(gateway, job))
        part = await browser.get("/sora" + _path(gateway, job), headers={"range": "bytes=0-9"})
        head = await browser.head(_path(gateway, job))
    assert (whole.status_code, whole.content) == (200, MP4)
    assert whole.headers["content-disposition"] == f'inline; filename="{job.id}.mp4"'
    assert (part.status_code, part.content) == (206, MP4[:10])
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "alter",
    [
        lambda path: path.replace("sig=", "sig=x"),
        lambda path: path.partition("?")[0],
        lambda path: path.replace("/video/", "/thumbnail/"),
        lambda path: path.replace("/0.mp4", "/1.mp4"),
        lambda path: path.replace("exp=", "exp=9"),
        lambda path: path.replace("/files/video_", "/files/video_x"),
    ],
)
async def test_altered_link(gateway: Gateway, client: httpx2.AsyncClient, alter) -> None:  # type: ignore[no-untyped-def]
    """Each part is signed; a key does not help."""
    job = await _finished(gateway, client)
    answer = await client.get(alter(_path(gateway, job)))
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "invalid_link"


async def test_expired_link(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A link ends when it says."""
    job = await _finished(gateway, client)
    path = _path(gateway, job)
    gateway.clock.at += 61
    assert (await client.get(path)).status_code == 403


@pytest.mark.parametrize(
    "path", ["/v1/files/video_1/nothing/0", "/v1/files/video_1/video/x", "/v1/files/a/video/-1"]
)
async def test_no_such_file(client: httpx2.AsyncClient, path: str) -> None:
    """What cannot be a link is not found."""
    assert (await client.get(path)).status_code == 404


async def test_picture_in_another_format(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A picture is converted on the way out; a wrong format leaves it as it is."""
    job = await _finished(gateway, client, "sora_image")
    path = _path(gateway, job, "image", 1)
    webp, odd = await client.get(f"{path}&format=webp"), await client.get(f"{path}&format=gif")
    part = await client.get(f"{path}&format=webp", headers={"range": "bytes=0-3"})
    assert (webp.content, webp.headers["content-type"]) == (b"webp:" + PNG + b"\x01", "image/webp")
    assert webp.headers["content-disposition"] == f'inline; filename="{job.id}-1.webp"'
    assert webp.headers["etag"] != odd.headers["etag"]
    assert (odd.content, odd.headers["content-type"]) == (PNG + b"\x01", "image/png")
    assert (part.status_code, part.content) == (206, b"webp")


async def test_job_that_failed(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    """A link made before the end opens nothing when there is nothing; no 5xx, browsers try again."""
    await client.post("/v1/videos", json={"prompt": "x"})
    (job_id,) = gateway.generations.histories
    job = gateway.generations.change(job_id, fails(ErrorKind.CONTENT_REFUSED, "No cats."))
    answer = await client.get(_path(gateway, job))
    assert answer.status_code == 404
    assert answer.json()["error"] == {
        "message": "No cats.",
        "type": "not_found_error",
        "param": None,
        "code": "content_policy_violation",
    }


@pytest.mark.parametrize(
    ("public_url", "base", "expected"),
    [
        (None, "/v1", "http://gateway/v1/files/"),
        (None, "/sora/v1", "http://gateway/sora/v1/files/"),
        ("https://media.example.com", "/sora/v1", "https://media.example.com/v1/files/"),
        ("https://example.com/sora/", "/v1", "https://example.com/sora/v1/files/"),
    ],
)
async def test_where_links_lead(gateway: Gateway, public_url: str | None, base: str, expected: str) -> None:
    """To the public URL of the settings, else to where the request came in."""
    services = gateway.app.state.services
    gateway.app.state.services = replace(services, public_url=public_url)
    gateway.generations.script = [gateway.generations.completes]
    async with client_of(gateway, KEY) as client:
        answer = await client.post(
            f"{base}/images/generations", json={"prompt": "x", "response_format": "url"}
        )
        url = answer.json()["data"][0]["url"]
        assert url.startswith(expected)
        path = urlsplit(url).path.removeprefix("/sora") + "?" + urlsplit(url).query
        assert (await client.get(path)).status_code == 200
