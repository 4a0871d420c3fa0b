"""Stored files are delivered whole, in part or not at all, in constant memory."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import httpx2
import psutil
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.domain.media import Blob
from sora_gateway.media.vault import LocalVault
from sora_gateway.ports.media import Vault
from sora_gateway.surfaces.openai.errors import render_error
from sora_gateway.web import errors, middleware
from sora_gateway.web.dialect import Dialect
from sora_gateway.web.files import StoredSource, deliver, extension_of
from sora_gateway.web.routes import DirectRoute
from tests.fakes import FakeVault
from tests.gateway import serving, until

DATA = bytes(range(200))


def _app(vault: Vault, blob: Blob, accel_prefix: str | None = None) -> FastAPI:
    app = FastAPI()

    async def file(request: Request) -> Response:
        is_inline = "inline" in request.query_params
        source = StoredSource(vault, blob, accel_prefix)
        return await deliver(request, source, name="video_1", is_inline=is_inline)

    app.router.routes.append(DirectRoute("/v1/file", file, methods=["GET", "HEAD"]))
    errors.install(app, {Dialect.OPENAI: render_error})
    middleware.install(app, max_body_bytes=1000)
    return app


@pytest.fixture
def vault(tmp_path: Path) -> FakeVault:
    vault = FakeVault(tmp_path)
    vault.piece_bytes = 7
    return vault


@pytest.fixture
def blob(vault: FakeVault) -> Blob:
    return vault.put("job/video.1", DATA, "video/mp4")


def _client(vault: FakeVault, blob: Blob) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(_app(vault, blob), raise_app_exceptions=False)
    return httpx2.AsyncClient(base_url="http://gateway", transport=transport, verify=False)


async def test_whole_file(vault: FakeVault, blob: Blob) -> None:
    """Type, length, validator, name: what browsers and players ask for."""
    async with _client(vault, blob) as client:
        answer = await client.get("/v1/file")
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-length"] == "200"
    assert answer.headers["etag"] == f'"{blob.digest}"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"] == 'attachment; filename="video_1.mp4"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert vault.open_files == 0


@pytest.mark.parametrize(
    ("asked", "content", "content_range"),
    [
        ("bytes=0-0", DATA[:1], "bytes 0-0/200"),
        ("bytes=10-19", DATA[10:20], "bytes 10-19/200"),
        ("bytes=190-", DATA[190:], "bytes 190-199/200"),
        ("bytes=-5", DATA[-5:], "bytes 195-199/200"),
        ("bytes=0-5000", DATA, "bytes 0-199/200"),
    ],
)
async def test_part_of_a_file(
    vault: FakeVault, blob: Blob, asked: str, content: bytes, content_range: str
) -> None:
    """206 with exactly the bytes that were asked for; HEAD says the same without them."""
    async with _client(vault, blob) as client:
        answer = await client.get("/v1/file", headers={"range": asked})
        head = await client.head("/v1/file", headers={"range": asked})
    assert (answer.status_code, answer.content) == (206, content)
    for each in (answer, head):
        assert each.headers["content-range"] == content_range
        assert each.headers["content-length"] == str(len(content))
    assert (head.status_code, head.content) == (206, b"")


async def test_range_outside(vault: FakeVault, blob: Blob) -> None:
    """416 in the dialect, with the length of the file."""
    async with _client(vault, blob) as client:
        answer = await client.get("/v1/file", headers={"range": "bytes=200-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */200"
    assert "200 bytes" in answer.json()["error"]["message"]


async def test_known_version_is_not_sent(vault: FakeVault, blob: Blob) -> None:
    """304 without a body."""
    async with _client(vault, blob) as client:
        answer = await client.get("/v1/file", headers={"if-none-match": f'"{blob.digest}"'})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == f'"{blob.digest}"'


async def test_inline(vault: FakeVault, blob: Blob) -> None:
    """Links open in the page."""
    async with _client(vault, blob) as client:
        answer = await client.head("/v1/file?inline")
    assert answer.headers["content-disposition"].startswith("inline; ")


async def test_missing_file(vault: FakeVault, blob: Blob) -> None:
    """What is gone is said before the first byte."""
    await vault.delete(blob.name)
    async with _client(vault, blob) as client:
        answer = await client.get("/v1/file")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "expired"


async def test_empty_file(vault: FakeVault) -> None:
    """Nothing is something too."""
    async with _client(vault, vault.put("empty", b"", "image/png")) as client:
        answer = await client.get("/v1/file")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")


async def test_hang_up_closes_the_file(vault: FakeVault) -> None:
    """Who leaves in the middle leaves no open file behind."""
    vault.piece_bytes = 64 * 1024
    blob = vault.put("large", bytes(32 * 2**20), "video/mp4")
    async with serving(_app(vault, blob)) as (url, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET /v1/file HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readexactly(100_000)
        assert vault.open_files == 1
        writer.close()
        await until(lambda: vault.open_files == 0)


async def test_memory_stays_flat(tmp_path: Path) -> None:
    """A file of 200 MB passes through a few pieces of memory, slow reader or not."""
    size = 200 * 2**20
    vault = LocalVault(tmp_path)
    await vault.open()
    path = vault.local_path("job/large")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
    blob = Blob(name="job/large", media_type="video/mp4", size_bytes=size, digest="d")
    process = psutil.Process()
    async with serving(_app(vault, blob)) as (url, _), httpx2.AsyncClient(verify=False) as client:
        await client.head(f"{url}/v1/file")
        gc.collect()
        before = most = process.memory_info().rss
        received = 0
        async with client.stream("GET", f"{url}/v1/file") as answer:
            async for piece in answer.aiter_raw():
                received += len(piece)
                most = max(most, process.memory_info().rss)
    assert received == size
    assert most - before < 20 * 2**20


@pytest.mark.parametrize(
    ("media_type", "extension"),
    [("video/mp4", "mp4"), ("image/webp", "webp"), ("image/jpeg", "jpg"), ("text/html", "bin")],
)
def test_extension(media_type: str, extension: str) -> None:
    """Names end as their content demands."""
    assert extension_of(media_type) == extension


async def test_a_proxy_in_front_is_told_which_file_to_send(vault: FakeVault, blob: Blob) -> None:
    """It gets the name, the type and what a browser needs; ranges and validators are its own."""
    app = _app(vault, blob, accel_prefix="/_vault/")
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(base_url="http://gateway", transport=transport, verify=False) as client:
        answer = await client.get("/v1/file", headers={"range": "bytes=0-1"})
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["x-accel-redirect"] == "/_vault/job/video.1"
        assert answer.headers["content-type"] == "video/mp4"
        assert answer.headers["content-disposition"] == 'attachment; filename="video_1.mp4"'
        assert "etag" not in answer.headers
        await vault.delete(blob.name)
        gone = await client.get("/v1/file")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "expired")
