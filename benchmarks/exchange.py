"""Speak HTTP/1.1 as a load: requests are bytes made before the clock starts, answers are counted."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PIECE_BYTES = 1 << 20
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens."""

    host: str
    port: int


def places(order: dict[str, Any]) -> list[Place]:
    """Return where the connections of an order go, one after another."""
    return [Place(order["host"], port) for port in order.get("ports") or [order["port"]]]


def request_of(order: dict[str, Any]) -> bytes:
    """Return the whole request; a body of many bytes lies in a file."""
    body = Path(order["body_file"]).read_bytes() if "body_file" in order else b""
    return str(order["request"]).encode() + body


async def connect(place: Place) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection."""
    return await asyncio.open_connection(place.host, place.port, limit=2 * PIECE_BYTES)


async def fetch(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, int]:
    """Send ``request`` and return the status and the body's length."""
    writer.write(request)
    status, size_bytes = await read_head(reader)
    if size_bytes is None:
        return status, await _read_chunks(reader)
    await _read_whole(reader, size_bytes)
    return status, size_bytes


async def read_head(reader: asyncio.StreamReader) -> tuple[int, int | None]:
    """Return the status and the length that is promised, None for a stream of chunks."""
    head = await reader.readuntil(_END_OF_HEAD)
    found = _LENGTH.search(head)
    return int(head[9:12]), int(found[1]) if found is not None else None


async def _read_whole(reader: asyncio.StreamReader, size_bytes: int) -> None:
    while size_bytes:
        size_bytes -= len(await reader.read(min(size_bytes, PIECE_BYTES)))
        if reader.at_eof() and size_bytes:
            raise ConnectionError("the answer was cut")


async def _read_chunks(reader: asyncio.StreamReader) -> int:
    whole = 0
    while size := int((await reader.readuntil(b"\r\n"))[:-2], 16):
        await _read_whole(reader, size + 2)
        whole += size
    await reader.readuntil(b"\r\n")
    return whole
