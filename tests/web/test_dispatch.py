"""Paths that dialects share have one route."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sora_gateway.web.dialect import Dialect
from sora_gateway.web.dispatch import models_router
from tests.gateway import build_gateway, client_of


async def _openai(_: Request) -> Response:
    return PlainTextResponse("openai")


async def _gemini(request: Request) -> Response:
    return PlainTextResponse(f"gemini {request.path_params.get('model')}")


async def test_the_dialect_decides(tmp_path: Path) -> None:
    """Each dialect gets its own, one without an entry gets OpenAI's; ids may hold slashes."""
    gateway = await build_gateway(tmp_path, is_fresh=True)
    table = {Dialect.OPENAI: _openai, Dialect.GEMINI: _gemini}
    gateway.app.router.routes.clear()
    gateway.app.include_router(models_router(table, table))
    async with client_of(gateway, key=None) as client:
        assert (await client.get("/v1/models")).text == "openai"
        assert (await client.get("/sora/v1/models?key=x")).text == "gemini None"
        assert (await client.get("/v1/models", headers={"anthropic-version": "x"})).text == "openai"
        named = await client.get("/v1/models/org%2Fmodel", headers={"x-goog-api-key": "x"})
        assert named.text == "gemini org/model"
