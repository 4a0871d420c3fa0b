"""The connection really breaks: seen from a bare socket, not through an HTTP library."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from sora_gateway.simulator.protocol import Connection
from tests.simulator.conftest import Running, Sim, scenario_of


async def _bytes_of(sim: Sim, path: str) -> bytes:
    host, port = sim.address.base_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        token = sim.account("plus")["access_token"]
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def _faulty(kind: str, **more: object) -> dict[str, object]:
    return {"id": "f", "route": "GET /me", "kind": kind, **more}


async def test_lost_answer_closes_without_a_byte(running: Running) -> None:
    """No 500 and no head: the stream just ends."""
    async with running(scenario_of(faults=[_faulty("lose_answer")])) as sim:
        assert await _bytes_of(sim, "/me") == b""
        assert (await sim.get("/me")).status_code == 200


async def test_reset_is_a_tcp_reset(running: Running) -> None:
    """The peer sees ECONNRESET."""
    async with running(scenario_of(faults=[_faulty("reset")])) as sim:
        with pytest.raises(ConnectionResetError):
            await _bytes_of(sim, "/me")


async def test_truncated_answer_promises_more_than_it_sends(running: Running) -> None:
    """The head carries the whole length, the body ends half way."""
    async with running(scenario_of(faults=[_faulty("truncate")])) as sim:
        head, _, body = (await _bytes_of(sim, "/me")).partition(b"\r\n\r\n")
        promised = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        assert len(body) == promised // 2


async def test_fault_without_a_socket_is_a_programming_error() -> None:
    """Under a transport that cannot break, breaking is refused loudly."""
    with pytest.raises(RuntimeError, match="real socket"):
        await Connection({"method": "GET"}, None).drop()
