"""The load asks as often as it is told, in each of its ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from benchmarks.load import ask, pace, sip

from benchmarks import stub

VIDEO_BYTES = 1_000_000


@pytest.fixture
async def order(tmp_path: Path) -> AsyncIterator[dict[str, Any]]:
    """An order to a server whose video has a megabyte."""
    (tmp_path / stub.STATUS).write_text("{}")
    (tmp_path / stub.IMAGE).write_text("{}")
    (tmp_path / stub.CHAT).write_text("data: {}\n\n")
    (tmp_path / stub.VIDEO).write_bytes(bytes(VIDEO_BYTES))
    known = stub.answers(tmp_path)
    server = await asyncio.get_running_loop().create_server(lambda: stub.Stub(known), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        request = "GET /v1/videos/video_1/content HTTP/1.1\r\nHost: x\r\n\r\n"
        yield {"host": "127.0.0.1", "port": port, "request": request, "connections": 2}


@pytest.mark.parametrize(
    ("deed", "more", "requests"),
    [
        (ask, {"most": 5}, 5),
        (pace, {"per_s": 100, "seconds": 0.1}, 10),
        (sip, {"bytes_per_s": 100_000_000, "seconds": 5.0}, 2),
    ],
)
async def test_so_many_answers(
    order: dict[str, Any],
    deed: Callable[[dict[str, Any]], Coroutine[Any, Any, dict[str, Any]]],
    more: dict[str, Any],
    requests: int,
) -> None:
    """As many as asked for, whole ones; a reader that sips asks once on each connection."""
    told = await deed({**order, **more})
    assert told["requests"] == requests
    assert told["statuses"] == {200: requests}
    assert told["size_bytes"] == requests * VIDEO_BYTES


async def test_a_slow_reader_leaves_before_the_end(order: dict[str, Any]) -> None:
    """It reads no more than its pace allows, but for the first piece."""
    told = await sip({**order, "bytes_per_s": 100_000, "seconds": 0.1})
    assert 0 < told["size_bytes"] <= 2 * 2 * 65_536


async def test_what_is_sent_counts_in_uploads(order: dict[str, Any], tmp_path: Path) -> None:
    """A row of uploads tells how fast the bytes went in."""
    (tmp_path / "body").write_bytes(bytes(1000))
    head = "POST /v1/videos HTTP/1.1\r\nContent-Length: 1000\r\n\r\n"
    told = await ask({**order, "request": head, "body_file": str(tmp_path / "body"), "most": 1})
    assert told["size_bytes"] == len(head) + 1000 + len("{}")
