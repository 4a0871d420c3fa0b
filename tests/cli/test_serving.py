"""Prove how the gateway takes its address, and how it ends."""

from __future__ import annotations

import socket

import pytest

from sora_gateway.cli.plain import CommandError
from sora_gateway.cli.serving import Running, bind, url_of
from sora_gateway.settings import Settings


def test_any_free_port() -> None:
    """Port 0 is some port, which the address names."""
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert url_of(listener, "127.0.0.1") == f"http://127.0.0.1:{port}"
        assert url_of(listener, "0.0.0.0") == f"http://127.0.0.1:{port}"
        assert url_of(listener, "localhost") == f"http://localhost:{port}"


def test_taken_port() -> None:
    """A taken port is told with the way out, also if its owner only just began."""
    with bind("127.0.0.1", 0) as first, pytest.raises(CommandError, match="--port 0"):
        bind("127.0.0.1", first.getsockname()[1])
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(CommandError, match="is taken"):
        bind("127.0.0.1", other.getsockname()[1])


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_foreign_address(host: str) -> None:
    """An address of another machine, or none, is told with the option that sets it."""
    with pytest.raises(CommandError, match="--host"):
        bind(host, 0)


def test_failure_ends_it() -> None:
    """``fail`` ends the gateway before it is up, and its text is the error."""

    limits_s: list[float] = []

    async def main(running: Running) -> None:
        running.fail("It broke.")
        await running.serve(on_open=_nothing, on_ready=_nothing)

    with bind("127.0.0.1", 0) as listener, pytest.raises(CommandError, match=r"It broke\."):
        Running(Settings(), listener, end_for_sure=limits_s.append).run(main)
    assert len(limits_s) == 1
    assert limits_s[0] < 5


async def _nothing() -> None:
    raise AssertionError("not reached")
