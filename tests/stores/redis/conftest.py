"""The server and the store, as the contract suites have them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest_store import server_path, store
from tests.stores.redis.stores import Stores

__all__ = ["server_path", "store"]

# pytest-asyncio asks for the main thread's loop; without this one is made that nobody closes.
asyncio.set_event_loop(None)


@pytest.fixture
def stores(server_path: Path) -> Iterator[Stores]:
    """Two nodes, for tests that are not asynchronous themselves."""
    with Stores(server_path) as opened:
        yield opened
