"""A SOCKS5 proxy of an account: the one place that sees a call between its record and its first byte.

A node that creates something writes `submitting`, connects, and only then sends. Through this proxy the
connection stands when the proxy says so: what happens to the node before that happens exactly in between.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

_NO_LOGIN = b"\x05\x00"
_CONNECTED = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
_PIECE = 64 * 1024

AtDoor = Callable[[int], Awaitable[None]]
"""Called with the port that the node connects from, before it is told that the connection stands."""


@asynccontextmanager
async def gate(at_door: AtDoor) -> AsyncIterator[int]:
    """Listen on a port of its own, which is yielded, and pass everything through to where it shall go."""

    async with asyncio.TaskGroup() as group:
        visits: set[asyncio.Task[None]] = set()

        def admit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            visit = group.create_task(_visit(reader, writer, at_door))
            visits.add(visit)
            visit.add_done_callback(visits.discard)

        server = await asyncio.start_server(admit, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for visit in visits:
                visit.cancel()


async def _visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, at_door: AtDoor) -> None:
    with contextlib.suppress(OSError, EOFError), _closing(writer):
        await _serve(reader, writer, at_door)


@contextlib.contextmanager
def _closing(writer: asyncio.StreamWriter) -> Iterator[None]:
    """Close the connection once all is sent; break it off if something went wrong."""
    try:
        yield
    except BaseException:
        writer.transport.abort()
        raise
    writer.close()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, at_door: AtDoor) -> None:
    _, methods = await reader.readexactly(2)
    await reader.readexactly(methods)
    writer.write(_NO_LOGIN)
    host, port = await _destination(reader)
    await at_door(writer.get_extra_info("peername")[1])
    far_reader, far_writer = await asyncio.open_connection(host, port)
    writer.write(_CONNECTED)
    with _closing(far_writer):
        async with asyncio.TaskGroup() as group:
            group.create_task(_pump(reader, far_writer))
            group.create_task(_pump(far_reader, writer))


async def _destination(reader: asyncio.StreamReader) -> tuple[str, int]:
    _, _, _, form = await reader.readexactly(4)
    if form == 1:
        host = ".".join(str(part) for part in await reader.readexactly(4))
    else:
        (length,) = await reader.readexactly(1)
        host = (await reader.readexactly(length)).decode()
    return host, int.from_bytes(await reader.readexactly(2), "big")


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
        # One side has said all: the other is told, and may still answer.
        if writer.can_write_eof():
            writer.write_eof()
