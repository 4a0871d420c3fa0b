"""What a worker is told before it begins, as a line on its standard input, and what it answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from sora_gateway.settings import Settings

GO = b"go\n"
"""The second line: the store is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Which worker it is, counted from 1, and with what it works."""

    number: int
    settings: Settings
    metrics_dir: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a worker says of itself: callers get answers, or why it ends."""

    is_ready: bool = False
    failure: str | None = None


def packed(orders: Orders) -> bytes:
    """Return one line with the secrets in it: for a pipe to a child, and for nothing else."""
    values = orders.settings.model_dump(round_trip=True)
    told = {
        "number": orders.number,
        "metrics_dir": str(orders.metrics_dir),
        "settings": {name: _plain(value) for name, value in values.items()},
    }
    return json.dumps(told).encode() + b"\n"


def unpacked(line: bytes) -> Orders:
    """Return the orders that were packed, whatever the environment and ``.env`` say by now."""
    told = json.loads(line)
    values = told["settings"]
    values["REDIS_URL"] = values.pop("redis_url")  # it is read by this name only
    return Orders(number=told["number"], metrics_dir=Path(told["metrics_dir"]), settings=Settings(**values))


def packed_report(report: Report) -> bytes:
    """Return the report as one line."""
    return json.dumps({"is_ready": report.is_ready, "failure": report.failure}).encode() + b"\n"


def unpacked_report(line: bytes) -> Report:
    """Return the report that was packed; what is none says nothing."""
    try:
        told = json.loads(line)
        return Report(is_ready=told["is_ready"] is True, failure=told["failure"])
    except (ValueError, LookupError, TypeError):
        return Report()


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value) if isinstance(value, Path) else value
