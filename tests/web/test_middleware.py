"""What wraps every request: ids, times, the bound of the body, the last net."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse

from sora_gateway.surfaces.openai.errors import render_error
from sora_gateway.telemetry.metrics import REGISTRY
from sora_gateway.web import errors, middleware
from sora_gateway.web.dialect import Dialect
from tests.gateway import Gateway, client_of, serving


async def test_every_answer_has_ids_and_time(client: httpx2.AsyncClient) -> None:
    """Good and bad answers alike; two requests never share an id."""
    good, bad = await client.get("/v1/models"), await client.get("/nowhere")
    for answer in (good, bad):
        assert answer.headers["x-request-id"] == answer.headers["request-id"]
        assert int(answer.headers["openai-processing-ms"]) >= 0
    assert good.headers["x-request-id"] != bad.headers["x-request-id"]


def _small(max_body_bytes: int = 100, **options: Any) -> FastAPI:
    app = FastAPI()

    @app.post("/v1/echo")
    async def echo(request: Request) -> dict[str, int]:
        return {"size": len(await request.body())}

    @app.get("/v1/half")
    async def half() -> StreamingResponse:
        async def parts():  # type: ignore[no-untyped-def]
            yield b"half"
            raise RuntimeError("in the middle")

        return StreamingResponse(parts())

    @app.get("/v1/gone")
    async def gone() -> None:
        raise ClientDisconnect

    errors.install(app, {Dialect.OPENAI: render_error})
    middleware.install(app, max_body_bytes=max_body_bytes, **options)
    return app


async def _chunks(count: int):  # type: ignore[no-untyped-def]
    for _ in range(count):
        yield b"x" * 10


@pytest.mark.parametrize("is_stated", [True, False])
async def test_large_bodies_are_refused(is_stated: bool) -> None:
    """413 in the dialect, whether the length was stated or turned out."""
    async with serving(_small()) as (url, _), httpx2.AsyncClient(base_url=url, verify=False) as client:
        fine = await client.post("/v1/echo", content=b"x" * 100 if is_stated else _chunks(10))
        large = await client.post("/v1/echo", content=b"x" * 101 if is_stated else _chunks(11))
    assert fine.json() == {"size": 100}
    assert large.status_code == 413
    assert large.json()["error"]["code"] == "request_too_large"
    assert large.headers["x-request-id"]


async def test_fault_in_the_middle_cuts_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody takes half an answer for a whole one."""
    async with serving(_small()) as (url, _), httpx2.AsyncClient(base_url=url, verify=False) as client:
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.get("/v1/half")
    assert "in the middle" in caplog.text


async def test_hang_up_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    """Who left gets no answer, and the log stays quiet."""
    async with serving(_small()) as (url, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhalf")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.05)
        assert await reader.read() == b""
    assert "Traceback" not in caplog.text


async def test_requests_are_counted_by_route(gateway: Gateway) -> None:
    """Counters carry the route's template, never an id; odd methods are one label."""
    labels = {"method": "GET", "route": "/v1/videos/{video_id}", "status": "404"}
    before = REGISTRY.get_sample_value("sora_gateway_http_requests_total", labels) or 0.0
    async with client_of(gateway) as client:
        await client.get("/sora/v1/videos/video_unknown")
        await client.request("BREW", "/v1/videos")
    assert REGISTRY.get_sample_value("sora_gateway_http_requests_total", labels) == before + 1
    odd = {"method": "other", "route": "/v1/videos", "status": "405"}
    assert REGISTRY.get_sample_value("sora_gateway_http_requests_total", odd)


@pytest.mark.parametrize(("pause_s", "is_chunked"), [(60.0, False), (60.0, True), (0.02, False)])
async def test_slow_bodies_are_given_up(pause_s: float, is_chunked: bool) -> None:
    """One that stops, and one that trickles: 400, which no SDK repeats, and the connection ends."""
    framing = "Transfer-Encoding: chunked" if is_chunked else "Content-Length: 5000"
    app = _small(max_body_bytes=10_000, idle_s=0.1)
    async with serving(app) as (url, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(f"POST /v1/echo HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode())
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            trickle = group.create_task(_trickle(writer, b"1\r\nx\r\n" if is_chunked else b"x", pause_s))
            answer = await reader.read()
            trickle.cancel()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in answer.lower()
    assert b'"code":"request_timeout"' in answer


async def _trickle(writer: asyncio.StreamWriter, piece: bytes, pause_s: float) -> None:
    while True:
        writer.write(piece)
        await asyncio.sleep(pause_s)


async def test_a_slow_answer_is_no_slow_body() -> None:
    """Once the body is whole nobody looks at the clock: whoever waits for a hang-up may wait."""
    app = FastAPI()

    @app.post("/v1/wait")
    async def wait(request: Request) -> dict[str, bool]:
        await request.body()
        async with asyncio.timeout(0.3):
            return {"gone": (await request.receive())["type"] == "http.disconnect"}

    errors.install(app, {Dialect.OPENAI: render_error})
    middleware.install(app, max_body_bytes=100, idle_s=0.05)
    async with serving(app) as (url, _), httpx2.AsyncClient(base_url=url, verify=False) as client:
        answer = await client.post("/v1/wait", content=b"x")
    assert answer.status_code == 500  # our own time-out, not that of the body
    assert "request_timeout" not in answer.text


async def test_errors_carry_the_marks_for_pages() -> None:
    """With origins set, even a fault has what lets a page read it."""
    app = _small(cors_origins={"https://chat.example.org"})
    async with serving(app) as (url, _), httpx2.AsyncClient(base_url=url, verify=False) as client:
        answer = await client.post(
            "/v1/echo", content=b"x" * 101, headers={"Origin": "https://chat.example.org"}
        )
    assert answer.status_code == 413
    assert answer.headers["access-control-allow-origin"] == "https://chat.example.org"
