"""Fixtures: a gateway over a fake engine that speaks Anthropic's dialect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway import Gateway, build_gateway
from tests.surfaces.anthropic.wiring import served_anthropic, wire


@pytest.fixture
async def gateway(tmp_path: Path) -> Gateway:
    """A gateway that is called without a network: whole answers only, no streams."""
    gateway = await build_gateway(tmp_path, is_fresh=True)
    wire(gateway.app)
    return gateway


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway on a loopback port, for streams and hang-ups."""
    async with served_anthropic(tmp_path) as gateway:
        yield gateway
