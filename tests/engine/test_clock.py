"""Nodes with different clocks agree about the time."""

from __future__ import annotations

from sora_gateway.engine.clock import StoreClock
from sora_gateway.kit.clock import system_now
from sora_gateway.ports.stores import Store


async def test_follows_the_store(store: Store) -> None:
    """A machine whose clock is an hour slow tells the store's time after one measurement."""
    clock = StoreClock(store, lambda: system_now() - 3600)
    assert abs(clock() - system_now()) > 3500
    assert 3590 < await clock.sync() < 3610
    assert abs(clock() - await store.time()) < 1
