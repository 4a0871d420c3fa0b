"""Make load: one process that reads orders as lines of JSON and answers each with what it saw.

Its own CPU time is part of the answer, so that a table can say when the load and not the server was the
limit.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle, islice
from typing import Any

import uvloop

from benchmarks.exchange import Place, connect, fetch, places, read_head, request_of
from benchmarks.watching import Watch

_SIP_BYTES = 1 << 16


class Tally:
    """What all connections saw."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.size_bytes = 0
        self.took_s: list[float] = []
        self._began_s, self._began_cpu_s = time.perf_counter(), time.process_time()

    def add(self, status: int, size_bytes: int, took_s: float) -> None:
        """Count one answer."""
        self.statuses[status] += 1
        self.size_bytes += size_bytes
        self.took_s.append(took_s)

    def told(self) -> dict[str, Any]:
        """Return it as an answer to an order."""
        took_s, ordered = time.perf_counter() - self._began_s, sorted(self.took_s)
        return {
            "requests": len(ordered),
            "statuses": self.statuses,
            "seconds": took_s,
            "size_bytes": self.size_bytes,
            "p50_ms": ordered[len(ordered) // 2] * 1000 if ordered else 0.0,
            "p99_ms": ordered[len(ordered) * 99 // 100] * 1000 if ordered else 0.0,
            "load_busy": (time.process_time() - self._began_cpu_s) / took_s,
        }


@asynccontextmanager
async def _connected(place: Place) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await connect(place)
    try:
        yield reader, writer
    finally:
        writer.close()


async def ask(order: dict[str, Any]) -> dict[str, Any]:
    """Ask on ``connections`` connections for ``seconds``, or until ``most`` answers were asked for.

    Of an upload both ways are counted, of all else what came.
    """
    tally, request = Tally(), request_of(order)
    until_s = time.perf_counter() + order.get("seconds", 0.0)
    most = order.get("most")
    left = iter(range(most)) if most else None
    sent_bytes = len(request) if "body_file" in order else 0

    async def work(place: Place) -> None:
        async with _connected(place) as (reader, writer):
            while next(left, None) is not None if left is not None else time.perf_counter() < until_s:
                began_s = time.perf_counter()
                status, size_bytes = await fetch(reader, writer, request)
                tally.add(status, size_bytes + sent_bytes, time.perf_counter() - began_s)

    async with asyncio.TaskGroup() as group:
        for place in islice(cycle(places(order)), order["connections"]):
            group.create_task(work(place))
    return tally.told()


async def pace(order: dict[str, Any]) -> dict[str, Any]:
    """Ask ``per_s`` times a second for ``seconds``, whether answers come or not.

    A call that had to wait for the one before it on its connection is measured from when it was due.
    """
    tally, request, count = Tally(), request_of(order), order["connections"]
    began_s, gap_s = time.perf_counter(), 1.0 / order["per_s"]

    async def work(place: Place, number: int) -> None:
        async with _connected(place) as (reader, writer):
            for turn in range(number, int(order["per_s"] * order["seconds"]), count):
                due_s = began_s + turn * gap_s
                is_late = time.perf_counter() > due_s
                await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
                start_s = due_s if is_late else time.perf_counter()
                status, size_bytes = await fetch(reader, writer, request)
                tally.add(status, size_bytes, time.perf_counter() - start_s)

    async with asyncio.TaskGroup() as group:
        for number, place in enumerate(islice(cycle(places(order)), count)):
            group.create_task(work(place, number))
    return tally.told()


async def sip(order: dict[str, Any]) -> dict[str, Any]:
    """Read answers slowly, ``bytes_per_s`` on each connection, and leave after ``seconds``."""
    tally, request = Tally(), request_of(order)
    began_s = time.perf_counter()
    until_s = began_s + order["seconds"]

    async def work(place: Place) -> None:
        reader, writer = await asyncio.open_connection(place.host, place.port, limit=_SIP_BYTES)
        writer.write(request)
        status, size_bytes = await read_head(reader)
        got = 0
        while got != size_bytes and time.perf_counter() < until_s:
            if not (piece := await reader.read(_SIP_BYTES)):
                raise ConnectionError("the answer was cut")
            got += len(piece)
            await asyncio.sleep(max(0.0, began_s + got / order["bytes_per_s"] - time.perf_counter()))
        tally.add(status, got, time.perf_counter() - began_s)
        writer.close()

    async with asyncio.TaskGroup() as group:
        for place in islice(cycle(places(order)), order["connections"]):
            group.create_task(work(place))
    return tally.told()


async def serve() -> None:
    """Carry out orders from standard input until it ends."""
    loop, watch = asyncio.get_running_loop(), Watch()
    deeds = {
        "ask": ask,
        "pace": pace,
        "sip": sip,
        "open": watch.open,
        "follow": watch.follow,
        "ended": watch.ended,
        "leave": watch.leave,
    }
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        sys.stdout.write(json.dumps(await deeds[order["do"]](order)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(serve())
