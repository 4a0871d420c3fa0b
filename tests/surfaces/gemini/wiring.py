"""A gateway of the tests that speaks Gemini's dialect too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import httpx2
from fastapi import FastAPI

from sora_gateway.surfaces.gemini.errors import render_error
from sora_gateway.surfaces.gemini.models.routes import list_models, show_model
from sora_gateway.surfaces.gemini.router import build_router
from sora_gateway.surfaces.openai.models import routes as openai_models
from sora_gateway.web import dispatch
from sora_gateway.web.dialect import Dialect
from tests.gateway import KEY, Gateway, build_gateway, fresh_app, serving


def wire(app: FastAPI) -> FastAPI:
    """Add the dialect to an application that may or may not have it: routes, errors, shared paths."""
    models = dispatch.models_router(
        {Dialect.OPENAI: openai_models.list_models, Dialect.GEMINI: list_models},
        {Dialect.OPENAI: openai_models.show_model, Dialect.GEMINI: show_model},
    )
    app.router.routes[:0] = [*build_router().routes, *models.routes]
    app.state.error_renderers[Dialect.GEMINI] = render_error
    return app


@cache
def _shared_app() -> FastAPI:
    return wire(fresh_app())


async def build_gemini(folder: Path, **settings: object) -> Gateway:
    """Wire a gateway; ``settings`` override fields of ``Services``."""
    gateway = await build_gateway(folder, **settings)
    services, gateway.app = gateway.app.state.services, _shared_app()
    gateway.app.state.services = services
    return gateway


@asynccontextmanager
async def served_gemini(folder: Path, **settings: object) -> AsyncIterator[Gateway]:
    """Build a gateway and serve it."""
    gateway = await build_gemini(folder, **settings)
    async with serving(gateway.app) as (url, server):
        gateway.url, gateway.server = url, server
        yield gateway


@asynccontextmanager
async def gemini_client(gateway: Gateway, key: str | None = KEY) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client that shows its key as Google's SDKs do."""
    transport = None if gateway.server else httpx2.ASGITransport(gateway.app, raise_app_exceptions=False)
    headers = {"x-goog-api-key": key} if key else {}
    async with httpx2.AsyncClient(
        base_url=gateway.url, headers=headers, transport=transport, verify=False
    ) as client:
        yield client
