"""Let an ASGI application break its own TCP connection, which no HTTP answer can imitate."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION = "sora_gateway.simulator.transport"


class BreakableProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP protocol, which also hands its transport to the application."""

    def on_message_begin(self) -> None:
        """Start a request whose scope carries the transport of its connection."""
        super().on_message_begin()
        scope = cast(dict[str, Any], self.scope)
        scope["extensions"] = {EXTENSION: {"transport": self.transport}}


class Connection:
    """The TCP connection under one request."""

    def __init__(self, scope: dict[str, Any], receive: Any) -> None:
        self._extension = scope.get("extensions", {}).get(EXTENSION)
        self._receive = receive
        self.is_head: bool = scope["method"] == "HEAD"

    async def reset(self) -> None:
        """Reset the connection: the client sees ``ECONNRESET``."""
        transport = self._transport()
        with contextlib.suppress(OSError, AttributeError):
            handle = transport.get_extra_info("socket")
            # A duplicate descriptor sets the option of the same socket under every event loop.
            with socket.fromfd(handle.fileno(), handle.family, handle.type) as twin:
                twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        await self.wait_closed()

    async def drop(self) -> None:
        """Send what was written so far, then close: the client sees an end where an answer should be."""
        self._transport().close()
        await self.wait_closed()

    async def wait_closed(self) -> None:
        """Wait until the connection is gone, by whatever hand.

        Uvicorn writes a 500 for an application that returns without an answer, unless the connection is
        known to be gone; that is why the breaking calls wait here.
        """
        while (await self._receive())["type"] != "http.disconnect":
            pass

    @property
    def is_gone(self) -> bool:
        """Whether the client has left, as far as the transport knows."""
        return self._extension is not None and bool(self._extension["transport"].is_closing())

    def _transport(self) -> asyncio.Transport:
        if self._extension is None:
            raise RuntimeError("connection faults need a real socket under BreakableProtocol")
        return cast(asyncio.Transport, self._extension["transport"])
