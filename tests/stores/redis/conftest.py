"""The server and the store, as the contract suites have them."""

from tests.conftest_store import server_path, store

__all__ = ["server_path", "store"]
