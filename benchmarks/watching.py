"""Watch event streams: many that are open at once, and when each event came."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Any

_PATIENCE_S = 60.0
_TOGETHER = 50
"""So many are opened at a time: a listener's queue is finite."""
_PROGRESS = re.compile(rb'"progress": ?(\d+)')


@dataclass(frozen=True, slots=True)
class _Stream:
    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Watch:
    """Event streams that are open."""

    def __init__(self) -> None:
        self._open: list[_Stream] = []

    async def open(self, order: dict[str, Any]) -> dict[str, Any]:
        """Open ``connections`` streams of each of the ``requests`` and wait for the first event of each."""
        requests = order.get("requests") or [order["request"]]
        numbers = [number for number in range(len(requests)) for _ in range(order["connections"])]
        async with asyncio.timeout(_PATIENCE_S):
            for start in range(0, len(numbers), _TOGETHER):
                async with asyncio.TaskGroup() as group:
                    for number in numbers[start : start + _TOGETHER]:
                        group.create_task(self._open_one(order, number, requests[number].encode()))
        return {"open": len(self._open)}

    async def _open_one(self, order: dict[str, Any], number: int, request: bytes) -> None:
        reader, writer = await asyncio.open_connection(order["host"], order["port"])
        writer.write(request)
        await reader.readuntil(b"event: ")
        await reader.readuntil(b"\n\n")
        self._open.append(_Stream(number, reader, writer))

    async def follow(self, order: dict[str, Any]) -> dict[str, Any]:
        """Return what came within ``seconds``: the request's number, the progress and when it came."""
        seen: list[tuple[int, int, float]] = []
        began_s, began_cpu_s = time.perf_counter(), time.process_time()

        async def read(stream: _Stream) -> None:
            while True:
                event = await stream.reader.readuntil(b"\n\n")
                found = _PROGRESS.search(event)
                if found is not None:
                    seen.append((stream.number, int(found[1]), time.perf_counter()))

        try:
            async with asyncio.timeout(order["seconds"]), asyncio.TaskGroup() as group:
                for stream in self._open:
                    group.create_task(read(stream))
        except TimeoutError:
            pass
        took_s = time.perf_counter() - began_s
        return {"seen": seen, "load_busy": (time.process_time() - began_cpu_s) / took_s}

    async def ended(self, order: dict[str, Any]) -> dict[str, Any]:
        """Wait for the ``event`` of each stream; return when each came (monotonic clock) and close them."""
        name = order["event"].encode()
        seen_at: list[float] = []

        async def wait(stream: _Stream) -> None:
            await stream.reader.readuntil(b"event: " + name)
            seen_at.append(time.perf_counter())
            await stream.reader.read()

        async with asyncio.timeout(_PATIENCE_S), asyncio.TaskGroup() as group:
            for stream in self._open:
                group.create_task(wait(stream))
        await self.leave(order)
        return {"seen_at": seen_at}

    async def leave(self, order: dict[str, Any]) -> dict[str, Any]:
        """Hang up everywhere."""
        del order
        for stream in self._open:
            stream.writer.close()
        self._open.clear()
        return {}
