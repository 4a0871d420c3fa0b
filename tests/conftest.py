"""What all tests share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

# pytest-asyncio asks for the current loop before it makes its own; Python 3.11 answers by creating one that
# nobody closes, unless it was told that there is none.
asyncio.set_event_loop(None)

# The machines that test are shared: how long an example takes says nothing.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

_LOGGERS = ("", "uvicorn", "uvicorn.error", "uvicorn.access", "asyncio", "httpx2", "httpcore2")


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
