"""What all tests share."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

# pytest-asyncio asks for the current loop before it makes its own; Python 3.11 answers by creating one that
# nobody closes, unless it was told that there is none.
asyncio.set_event_loop(None)

# Nothing leaves loopback. Each client reads all authorities' certificates when it is made, which takes longer
# than most tests; from here on it reads one.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).with_name("nobody.pem"))  # noqa: TID251

# The machines that test are shared: how long an example takes says nothing. Every run tries the same
# examples; `pytest --hypothesis-profile long --timeout 3600` tries 30 times as many, and others each time.
settings.register_profile(
    "shared", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("long", settings.get_profile("shared"), derandomize=False, max_examples=3000)
settings.load_profile("shared")

_LOGGERS = ("", "uvicorn", "uvicorn.error", "uvicorn.access", "asyncio", "httpx2", "httpcore2")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out, when slow tests alone are asked for, modules that have none: importing them takes long."""
    if config.getoption("markexpr") != "slow" or not collection_path.match("test_*.py"):
        return None
    return True if "mark.slow" not in collection_path.read_text(encoding="utf-8") else None


@pytest.fixture(autouse=True)
def logs_as_found() -> Iterator[None]:
    """Let our events pass where ``caplog`` sees them, and put all logging back afterwards."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    found = [(logger.handlers[:], logger.level, logger.propagate, logger.disabled) for logger in loggers]
    yield
    for logger, (handlers, level, propagate, disabled) in zip(loggers, found, strict=True):
        logger.handlers = handlers
        logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled
    structlog.contextvars.clear_contextvars()
