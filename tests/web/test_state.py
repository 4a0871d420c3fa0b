"""What routes get from the composition root."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from sora_gateway.web.state import always_ready
from tests.gateway import Gateway


async def test_services_are_frozen(gateway: Gateway) -> None:
    """Nothing changes once it is wired; without a rule a node is ready."""
    with pytest.raises(FrozenInstanceError):
        gateway.app.state.services.wait_max_s = 1.0
    assert await always_ready() == ()
