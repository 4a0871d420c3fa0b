"""Prove how the gateway takes its address."""

from __future__ import annotations

import os
import socket

import pytest

from sora_gateway.cli.listening import bind, inherited, url_of
from sora_gateway.cli.plain import CommandError


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


def test_handed_down() -> None:
    """Who gets the descriptor has the same socket, and names its protocol: Nagle's algorithm is off then."""
    with bind("127.0.0.1", 0) as listener, inherited(os.dup(listener.fileno()), "127.0.0.1") as same:
        assert same.getsockname() == listener.getsockname()
        assert (same.family, same.proto) == (socket.AF_INET, socket.IPPROTO_TCP)
        with socket.create_connection(listener.getsockname()):
            same.accept()[0].close()
