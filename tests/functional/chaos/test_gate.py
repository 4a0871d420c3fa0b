"""The gate calls between the connection and the first byte, and passes on whatever comes after."""

from __future__ import annotations

import asyncio

from tests.functional.chaos.gate import gate


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"heard " + await reader.read(100))
    writer.close()


async def test_nothing_is_sent_before_the_gate_says_so() -> None:
    """The node waits for the word of the proxy; what it then sends arrives, and so does the answer."""
    visits: list[int] = []
    arrived, opened = asyncio.Event(), asyncio.Event()

    async def at_door(port: int) -> None:
        visits.append(port)
        arrived.set()
        await opened.wait()

    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    far = server.sockets[0].getsockname()[1]
    async with server, gate(at_door) as port, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x05\x01\x00")
        assert await reader.readexactly(2) == b"\x05\x00"
        writer.write(b"\x05\x01\x00\x01\x7f\x00\x00\x01" + far.to_bytes(2, "big"))
        await arrived.wait()
        assert visits == [writer.get_extra_info("sockname")[1]]
        opened.set()
        assert (await reader.readexactly(10))[:2] == b"\x05\x00"
        writer.write(b"a request")
        assert await reader.read() == b"heard a request"
        writer.close()
        await writer.wait_closed()
