"""The load counts what an answer's body holds, whether its length is told or not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest
from benchmarks.exchange import fetch, places, request_of


class Silent:
    """A writer that goes nowhere."""

    def write(self, data: bytes) -> None:
        """Forget it."""


async def _fetched(answer: bytes) -> tuple[int, int]:
    reader = asyncio.StreamReader()
    reader.feed_data(answer)
    reader.feed_eof()
    return await fetch(reader, cast(asyncio.StreamWriter, Silent()), b"GET / HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 206 Partial Content\r\nContent-Length: 7\r\n\r\n1234567",
        b"HTTP/1.1 206 Partial\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n4\r\n4567\r\n0\r\n\r\n",
    ],
)
async def test_bodies_are_counted(answer: bytes) -> None:
    """The status and the bytes of the body, without what frames it."""
    assert await _fetched(answer) == (206, 7)


async def test_a_cut_answer_is_no_answer() -> None:
    """Nobody measures how fast a server hangs up."""
    with pytest.raises(ConnectionError):
        await _fetched(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n123")


def test_a_body_may_lie_in_a_file(tmp_path: Path) -> None:
    """The head is part of the order, megabytes are not."""
    (tmp_path / "body").write_bytes(b"body")
    order = {"request": "POST / HTTP/1.1\r\n\r\n", "body_file": str(tmp_path / "body")}
    assert request_of(order) == b"POST / HTTP/1.1\r\n\r\nbody"


def test_connections_go_to_all_ports() -> None:
    """One port, or those of several nodes."""
    assert [place.port for place in places({"host": "h", "port": 1})] == [1]
    assert [place.port for place in places({"host": "h", "port": 1, "ports": [2, 3]})] == [2, 3]
