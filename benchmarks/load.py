"""Make load: one process that reads orders as lines of JSON and answers each with what it saw.

Requests are bytes prepared before the clock starts; answers are read, counted and thrown away. Its own CPU
time is part of the answer, so that a table can say when not the server but the load was the limit.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any

import uvloop

_PIECE_BYTES = 1 << 20
_PATIENCE_S = 30.0
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"


async def fetch(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, int]:
    """Send ``request`` and return the status and the body's length."""
    writer.write(request)
    head = await reader.readuntil(_END_OF_HEAD)
    lower = head.lower()
    start = lower.index(_LENGTH) + len(_LENGTH)
    rest = size = int(lower[start : lower.index(b"\r", start)])
    while rest:
        rest -= len(await reader.read(min(rest, _PIECE_BYTES)))
        if reader.at_eof() and rest:
            raise ConnectionError("the answer was cut")
    return int(head[9:12]), size


class Tally:
    """What all connections saw."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.size_bytes = 0
        self.took_s: list[float] = []


async def _ask_again(order: dict[str, Any], request: bytes, tally: Tally, until_s: float) -> None:
    reader, writer = await asyncio.open_connection(order["host"], order["port"], limit=2 * _PIECE_BYTES)
    try:
        most = order.get("most")
        while (len(tally.took_s) < most) if most else (time.perf_counter() < until_s):
            began_s = time.perf_counter()
            status, size_bytes = await fetch(reader, writer, request)
            tally.took_s.append(time.perf_counter() - began_s)
            tally.statuses[status] += 1
            tally.size_bytes += size_bytes
    finally:
        writer.close()


async def ask(order: dict[str, Any]) -> dict[str, Any]:
    """Ask on ``connections`` connections for ``seconds``, or until ``most`` answers came."""
    tally, request = Tally(), order["request"].encode()
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    until_s = began_s + order.get("seconds", 0.0)
    async with asyncio.TaskGroup() as group:
        for _ in range(order["connections"]):
            group.create_task(_ask_again(order, request, tally, until_s))
    took_s, ordered = time.perf_counter() - began_s, sorted(tally.took_s)
    return {
        "requests": len(ordered),
        "statuses": tally.statuses,
        "seconds": took_s,
        "size_bytes": tally.size_bytes,
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "p99_ms": ordered[len(ordered) * 99 // 100] * 1000,
        "load_busy": (time.process_time() - began_cpu_s) / took_s,
    }


class Watch:
    """Event streams that are open."""

    def __init__(self) -> None:
        self._open: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def open(self, order: dict[str, Any]) -> dict[str, Any]:
        """Open ``connections`` streams and wait for the first event of each."""
        request = order["request"].encode()
        for _ in range(order["connections"]):
            reader, writer = await asyncio.open_connection(order["host"], order["port"])
            writer.write(request)
            self._open.append((reader, writer))
        async with asyncio.timeout(_PATIENCE_S):
            for reader, _ in self._open:
                await reader.readuntil(b"event: ")
        return {"open": len(self._open)}

    async def ended(self, order: dict[str, Any]) -> dict[str, Any]:
        """Wait for the ``event`` of each stream; return when each came (monotonic clock) and close them."""
        name = order["event"].encode()
        seen_at: list[float] = []

        async def wait(reader: asyncio.StreamReader) -> None:
            await reader.readuntil(b"event: " + name)
            seen_at.append(time.perf_counter())
            await reader.read()

        async with asyncio.timeout(_PATIENCE_S), asyncio.TaskGroup() as group:
            for reader, _ in self._open:
                group.create_task(wait(reader))
        for _, writer in self._open:
            writer.close()
        self._open.clear()
        return {"seen_at": seen_at}


async def serve() -> None:
    """Carry out orders from standard input until it ends."""
    loop, watch = asyncio.get_running_loop(), Watch()
    deeds = {"ask": ask, "open": watch.open, "ended": watch.ended}
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        sys.stdout.write(json.dumps(await deeds[order["do"]](order)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(serve())
