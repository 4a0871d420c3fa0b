"""The implementations that the suites run against."""

from tests.conftest_store import server_path, store

__all__ = ["server_path", "store"]
