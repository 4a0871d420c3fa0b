"""Speak HTTP/1.1 byte by byte: no client library may mend what a hostile caller sends."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

LONGEST_S = 5.0
_MOST_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; status 0: the connection was closed without a word."""

    status: int
    head: bytes
    body: bytes
    took_s: float

    @property
    def error(self) -> dict[str, Any]:
        """The error, in whatever dialect, as far as it has one."""
        with contextlib.suppress(ValueError):
            found = json.loads(self.body)
            if isinstance(found, dict) and isinstance(found.get("error"), dict):
                return dict(found["error"])
        return {}


async def exchange(
    port: int, pieces: Iterable[bytes], *, method: str = "GET", pause_s: float = 0.0
) -> Answer:
    """Send ``pieces`` while reading the answer, and return it when it is whole.

    Raises:
        TimeoutError: there is none after ``LONGEST_S``.
    """
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    async with asyncio.timeout(LONGEST_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=_MOST_BYTES)
        try:
            async with asyncio.TaskGroup() as group:
                sending = group.create_task(_send(writer, pieces, pause_s))
                status, head, body = await _answer(reader, method)
                sending.cancel()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    return Answer(status=status, head=head, body=body, took_s=loop.time() - began_s)


async def _send(writer: asyncio.StreamWriter, pieces: Iterable[bytes], pause_s: float) -> None:
    with contextlib.suppress(OSError):  # the other side has heard enough
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)


async def _answer(reader: asyncio.StreamReader, method: str) -> tuple[int, bytes, bytes]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, OSError):
        return 0, b"", b""
    status, lowered = int(head.split(b" ", 2)[1]), head.lower()
    if status == 100:
        return await _answer(reader, method)
    if method == "HEAD" or status in (204, 304):
        return status, head, b""
    body = b""
    with contextlib.suppress(asyncio.IncompleteReadError, OSError):
        if b"transfer-encoding: chunked" in lowered:
            while size := int((await reader.readline()).strip() or b"0", 16):
                body += (await reader.readexactly(size + 2))[:-2]
        elif b"content-length:" in lowered:
            body = await reader.readexactly(int(lowered.partition(b"content-length:")[2].split()[0]))
        else:
            body = await reader.read(_MOST_BYTES)
    return status, head, body
