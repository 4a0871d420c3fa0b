"""Processes of these tests come from a nursery: they are many, and each would import the same things."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.functional import harness
from tests.functional.nursery import Nursery


@pytest.fixture(scope="package", autouse=True)
def _nursery() -> Iterator[None]:
    """Let the harness fork where forking is safe; elsewhere each command is started from nothing."""
    if sys.platform != "linux":
        yield
        return
    nursery = Nursery(harness.environment())
    harness.nurseries.append(nursery)
    yield
    harness.nurseries.remove(nursery)
    nursery.close()
