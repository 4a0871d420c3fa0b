"""What wraps every request: ids, times, the bound of the body, the last net."""

from __future__ import annotations

import asyncio

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


def _small(max_body_bytes: int = 100) -> FastAPI:
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
    middleware.install(app, max_body_bytes=max_body_bytes)
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
