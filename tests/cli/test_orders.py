"""Prove that a worker hears exactly what its parent knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sora_gateway.cli.orders import (
    Orders,
    Report,
    packed,
    packed_report,
    unpacked,
    unpacked_report,
)
from sora_gateway.settings import Settings, load

CHANGED = {
    "REDIS_URL": "redis://:pass%2Fword@host:1/2",
    "SORA_GATEWAY_SECRET_KEY": "a secret",
    "SORA_GATEWAY_DATA_DIR": "some/where",
    "SORA_GATEWAY_ALIASES": '{"mine": "sora-2"}',
    "SORA_GATEWAY_PRICES": '{"sora_image*": 2}',
    "SORA_GATEWAY_WORKERS": "3",
    "SORA_GATEWAY_RELAX_25S": "true",
}


def _round(settings: Settings) -> Orders:
    line = packed(Orders(number=2, settings=settings, metrics_dir=Path("/m")))
    assert (line.count(b"\n"), line[-1:]) == (1, b"\n")
    return unpacked(line)


def test_defaults() -> None:
    """What nobody set is the same on the other side."""
    orders = _round(Settings())
    assert (orders.number, orders.metrics_dir) == (2, Path("/m"))
    assert orders.settings.model_dump() == Settings().model_dump()


def test_everything_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets, folders and tables arrive as they were, though the environment has changed since."""
    for name, value in CHANGED.items():
        monkeypatch.setenv(name, value)
    settings = load(port=1)
    for name in CHANGED:
        monkeypatch.setenv(name, "{}" if "{" in CHANGED[name] else "5")
    found = _round(settings).settings
    assert found.model_dump() == settings.model_dump()
    assert found.redis_url is not None
    assert found.redis_url.get_secret_value() == CHANGED["REDIS_URL"]


def test_unset_stays_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that appears in the environment later is not taken."""
    settings = Settings()
    monkeypatch.setenv("REDIS_URL", "redis://other")
    assert _round(settings).settings.redis_url is None


@pytest.mark.parametrize("report", [Report(is_ready=True), Report(failure="It broke: ü\n.")])
def test_report(report: Report) -> None:
    """A report is one line, and comes back."""
    line = packed_report(report)
    assert line.index(b"\n") == len(line) - 1
    assert unpacked_report(line) == report


@pytest.mark.parametrize("line", [b"", b"hello\n", b"[]\n", b"{}\n", b"\xff\n", json.dumps(None).encode()])
def test_no_report(line: bytes) -> None:
    """What somebody else printed says nothing."""
    assert unpacked_report(line) == Report()
