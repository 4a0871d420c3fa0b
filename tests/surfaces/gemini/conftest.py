"""Fixtures: a gateway over a fake engine that speaks Gemini's dialect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.gateway import Gateway
from tests.surfaces.gemini.wiring import build_gemini, gemini_client, served_gemini


@pytest.fixture
async def gateway(tmp_path: Path) -> Gateway:
    """A gateway that is called without a network: whole answers only, no streams."""
    return await build_gemini(tmp_path)


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of ``gateway`` that may do everything."""
    async with gemini_client(gateway) as client:
        yield client


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway on a loopback port, for streams and hang-ups."""
    async with served_gemini(tmp_path) as gateway:
        yield gateway
