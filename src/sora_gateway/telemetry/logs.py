"""Write logs: one line for each event, for people or for machines, without secrets.

Our own events and those of libraries (uvicorn's included) take the same way out, and every text in them,
tracebacks too, passes ``kit.redact``. Of long texts and lists only a part is written.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from itertools import islice
from typing import Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from sora_gateway.kit.redact import Secret, redact

Format = Literal["console", "json"]
LEVELS = ("debug", "info", "warning", "error", "critical")
_LIBRARIES = ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio")
_TALKATIVE = ("httpx2", "httpcore2")  # a line for each call to a backend, with its address
_DEEPEST = 6
_LONGEST_TEXT = 16_384
_MOST_ITEMS = 100
_SECRET_NAMES = frozenset(
    {"authorization", "cookie", "set-cookie", "x-api-key", "x-goog-api-key", "openai-sentinel-token"}
    | {"access_token", "refresh_token", "session_token", "api_key", "password", "secret"}
    | {"proxy", "proxy-authorization", "redis_url", "secret_key", "old_secret_keys", "sentinel_token"}
)


def get_logger(name: str) -> FilteringBoundLogger:
    """Return the logger of a module; it may be made before ``configure`` is called."""
    return cast(FilteringBoundLogger, structlog.get_logger(name))


def configure(format: Format = "console", level: str = "info", stream: TextIO | None = None) -> None:  # noqa: A002 - the setting's name
    """Send all logs to ``stream`` (default: standard error), from ``level`` up. May be called again.

    Raises:
        ValueError: ``level`` is none of ``LEVELS``.
    """
    if level.lower() not in LEVELS:
        raise ValueError(f"The log level is '{level}'; allowed are {', '.join(LEVELS)}.")
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    target = stream if stream is not None else sys.stderr
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                mask_secrets,
                _renderer(format, target.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(threshold)
    for name in _LIBRARIES:
        library = logging.getLogger(name)
        library.handlers = []
        library.propagate = True
        library.setLevel(logging.NOTSET)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Return the event with everything masked that looks like a credential or is named like one."""
    return {name: _named(name, value, _DEEPEST) for name, value in event.items()}


def _named(name: str, value: object, depth: int) -> object:
    if value is not None and name.lower() in _SECRET_NAMES:
        return "***"
    return _masked(value, depth)


def _masked(value: object, depth: int) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return redact(_short(value))
    if isinstance(value, Secret) or depth == 0:
        return "***"
    if isinstance(value, Mapping):
        items = islice(value.items(), _MOST_ITEMS)
        return {redact(_short(str(name))): _named(str(name), inner, depth - 1) for name, inner in items}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(inner, depth - 1) for inner in islice(value, _MOST_ITEMS)]
    return redact(_short(str(value) if isinstance(value, BaseException) else repr(value)))


def _short(text: str) -> str:
    """Return the text, or its two ends: callers choose how long some of it is."""
    if len(text) <= _LONGEST_TEXT:
        return text
    return f"{text[: _LONGEST_TEXT // 2]} … {text[-_LONGEST_TEXT // 2 :]}"


def _renderer(format: Format, is_terminal: bool) -> Processor:  # noqa: A002 - the setting's name
    if format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(
        colors=is_terminal, exception_formatter=structlog.dev.plain_traceback
    )
