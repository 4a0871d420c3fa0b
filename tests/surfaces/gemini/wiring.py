"""A gateway of the tests that speaks Gemini's dialect too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from tests.gateway import KEY, Gateway, build_gateway, serving


async def build_gemini(folder: Path, **settings: object) -> Gateway:
    """Wire a gateway; ``settings`` override fields of ``Services``."""
    return await build_gateway(folder, **settings)


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
