"""Most of these tests start no process, so none pays for a nursery but the one that asks for it."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="package", autouse=True)
def _nursery() -> None:
    """Take the place of the fixture of the other functional tests."""
