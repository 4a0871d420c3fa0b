"""A gateway of the tests that speaks Anthropic's dialect too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.gateway import Gateway, build_gateway, serving

VERSION = {"anthropic-version": "2026-10-21"}


async def build_anthropic(folder: Path, **settings: object) -> Gateway:
    """Wire a gateway; ``settings`` override fields of ``Services``."""
    return await build_gateway(folder, **settings)


@asynccontextmanager
async def served_anthropic(folder: Path, **settings: object) -> AsyncIterator[Gateway]:
    """Build a gateway and serve it."""
    gateway = await build_anthropic(folder, **settings)
    async with serving(gateway.app) as (url, server):
        gateway.url, gateway.server = url, server
        yield gateway
