"""Fixtures: a gateway over a fake engine that speaks Anthropic's dialect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway import Gateway
from tests.surfaces.anthropic.wiring import build_anthropic, served_anthropic


@pytest.fixture
async def gateway(tmp_path: Path) -> Gateway:
    """A gateway that is called without a network: whole answers only, no streams."""
    return await build_anthropic(tmp_path)


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway on a loopback port, for streams and hang-ups."""
    async with served_anthropic(tmp_path) as gateway:
        yield gateway
