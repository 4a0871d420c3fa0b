"""Take the address that callers come to."""

from __future__ import annotations

import errno
import socket

from sora_gateway.cli.plain import CommandError

BACKLOG = 2048


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens; whoever connects waits until the gateway is open.

    Raises:
        CommandError: the port is taken, or the address is not one of this machine.
    """
    # Asyncio turns Nagle's algorithm off only on sockets that name their protocol.
    listener = socket.socket(_family(host), socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # Linux lets two sockets have the same address until one of them listens.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CommandError(_no_address(host, port, error)) from error
    listener.set_inheritable(False)
    return listener


def inherited(descriptor: int, host: str) -> socket.socket:
    """Return the socket that the parent made by ``bind`` and handed down."""
    listener = socket.socket(_family(host), socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=descriptor)
    listener.set_inheritable(False)
    return listener


def url_of(listener: socket.socket, host: str) -> str:
    """Return how to reach the listener from this machine."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{name}:{listener.getsockname()[1]}"


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _no_address(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken by another program. "
            "Choose another with --port, or --port 0 for any free one."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} needs special rights; choose one from 1024 on with --port."
    reason = error.strerror or error
    return f"Cannot listen on '{host}': {reason}. Choose an address of this machine with --host."
