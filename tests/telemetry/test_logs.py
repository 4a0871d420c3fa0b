"""Logs: one way out for everybody, in two forms, without secrets."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest
import structlog

from sora_gateway.kit.redact import Secret
from sora_gateway.telemetry.logs import Format, configure, get_logger, mask_secrets

KEY = "sg-0123456789abcdef"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Give the process its logging back."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Return the events that were written as JSON."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json() -> None:
    """A sentence plus fields, with logger, level, time and what is bound to the request."""
    stream = io.StringIO()
    configure("json", "info", stream)
    structlog.contextvars.bind_contextvars(request_id="req_1")
    get_logger("sora_gateway.engine").info("job completed", job_id="video_1", duration_s=1.5, paths=("a", 1))
    (event,) = lines(stream)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "job completed",
        "job_id": "video_1",
        "duration_s": 1.5,
        "paths": ["a", 1],
        "level": "info",
        "logger": "sora_gateway.engine",
        "request_id": "req_1",
    }


def test_console() -> None:
    """Readable, without colours when nobody looks."""
    stream = io.StringIO()
    configure("console", "info", stream)
    get_logger("x").info("job completed", job_id="video_1")
    assert "job completed" in stream.getvalue()
    assert "job_id=video_1" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_libraries_take_the_same_way() -> None:
    """uvicorn's lines become events, in the same form and masked, once."""
    stream = io.StringIO()
    logging.getLogger("uvicorn.access").addHandler(logging.StreamHandler(stream))
    configure("json", "info", stream)
    logging.getLogger("uvicorn.access").info('%s - "%s"', "127.0.0.1", f"GET /v1/models?key={KEY}")
    logging.getLogger("another").warning("careful", extra={"token": KEY})
    access, another = lines(stream)
    assert access["event"] == '127.0.0.1 - "GET /v1/models?key=***"'
    assert access["logger"] == "uvicorn.access"
    assert (another["event"], another["token"]) == ("careful", "***")


@pytest.mark.parametrize("format_", ["json", "console"])
def test_no_secret_gets_out(format_: Format) -> None:
    """Not in the sentence, in fields, in their insides, nor in a traceback."""
    stream = io.StringIO()
    configure(format_, "debug", stream)
    log = get_logger("x")
    sentence = "hello " + KEY
    log.info(sentence, nested={"a": [{"b": KEY}]}, secret_=Secret(KEY), error=ValueError(KEY))
    try:
        int(KEY)
    except ValueError:
        log.exception("it broke")
    assert KEY not in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    assert "hello ***" in stream.getvalue()


def test_level() -> None:
    """Less than the level stays silent, for everybody; it can be set anew."""
    stream = io.StringIO()
    configure("json", "WARNING", stream)
    get_logger("x").info("quiet")
    logging.getLogger("uvicorn").info("quiet")
    get_logger("x").warning("loud")
    configure("json", "debug", stream)
    get_logger("x").debug("louder")
    assert [event["event"] for event in lines(stream)] == ["loud", "louder"]


def test_unknown_level() -> None:
    """The message lists what is allowed."""
    with pytest.raises(ValueError, match="'loud'; allowed are debug, info"):
        configure("json", "loud")


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is left to the commands."""
    configure()
    get_logger("x").info("hello")
    captured = capsys.readouterr()
    assert "hello" in captured.err
    assert captured.out == ""


class Colour(Enum):
    """Something that JSON does not know."""

    RED = 1


def test_masking_at_any_depth() -> None:
    """Names tell, texts tell, types tell; what lies too deep is not shown; unknown values become text."""
    deep: object = "bottom"
    for _ in range(9):
        deep = [deep]
    event: dict[str, Any] = {
        "Authorization": "plain",
        "headers": {"Cookie": "a=b", "host": "x", "api_key": None},
        "deep": deep,
        "colour": Colour.RED,
        "flag": True,
        "none": None,
        "set": {1},
    }
    masked = mask_secrets(None, "info", event)
    assert masked["Authorization"] == "***"
    assert masked["headers"] == {"Cookie": "***", "host": "x", "api_key": None}
    assert "bottom" not in str(masked["deep"])
    assert masked["colour"] == repr(Colour.RED)
    assert (masked["flag"], masked["none"], masked["set"]) == (True, None, [1])


def test_callers_do_not_choose_how_long_a_line_is() -> None:
    """Long texts lose their middle, long lists their end."""
    stream = io.StringIO()
    configure("json", "info", stream)
    names = [f"{number}-" + "x" * 100_000 for number in range(1000)]
    get_logger("x").info("unknown fields ignored", fields=names, table=dict.fromkeys(names, 1), text=names[0])
    (event,) = lines(stream)
    assert len(event["fields"]) == len(event["table"]) == 100
    assert event["text"].startswith("0-xx")
    assert len(event["text"]) < 20_000
