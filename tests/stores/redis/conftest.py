"""The server and the store, as the contract suites have them."""

import asyncio

from tests.conftest_store import server_path, store

__all__ = ["server_path", "store"]

# pytest-asyncio asks for the main thread's loop; without this one is made that nobody closes.
asyncio.set_event_loop(None)
