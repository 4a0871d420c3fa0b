"""Rendered once for all, bounded in threads and on disk."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sora_gateway.simulator.render_cache import RenderCache


@contextmanager
def _cache(path: Path, most_bytes: int = 1000) -> Iterator[RenderCache]:
    cache = RenderCache(path, workers=2, most_bytes=most_bytes)
    try:
        yield cache
    finally:
        cache.close()


async def test_one_rendering_for_all_who_wait(tmp_path: Path) -> None:
    """Ten callers, one call of the renderer, and none in a later run."""
    calls = []

    def render() -> bytes:
        calls.append(1)
        time.sleep(0.02)
        return b"abc"

    with _cache(tmp_path) as cache:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(cache.file("key", render)) for _ in range(10)]
        assert len({task.result() for task in tasks}) == 1
        assert cache._locks == {}
    with _cache(tmp_path) as cache:
        path, size = await cache.file("key", render)
        assert (path.read_bytes(), size) == (b"abc", 3)
    assert len(calls) == 1


async def test_no_more_than_the_workers_at_once(tmp_path: Path) -> None:
    """Two threads, whatever the demand."""
    running, most, lock = 0, 0, threading.Lock()

    def render() -> bytes:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return b"x"

    with _cache(tmp_path) as cache:
        async with asyncio.TaskGroup() as group:
            for number in range(8):
                group.create_task(cache.file(f"key {number}", render))
    assert most == 2


async def test_least_recently_used_files_go(tmp_path: Path) -> None:
    """The bound is kept, a used file stays, and a file that went is rendered again."""
    with _cache(tmp_path, most_bytes=1000) as cache:
        paths = []
        for number in range(12):
            paths.append((await cache.file(f"key {number}", lambda: bytes(100)))[0])
            await cache.file("key 0", lambda: bytes(100))
        assert [path.exists() for path in paths] == [True, False, False] + [True] * 9
        again, _ = await cache.file("key 1", lambda: bytes(100))
        assert again.exists()


async def test_a_failed_rendering_is_tried_again(tmp_path: Path) -> None:
    """The error reaches the caller; nothing is cached."""

    def fail() -> bytes:
        raise ValueError("no brush")

    with _cache(tmp_path) as cache:
        with pytest.raises(ValueError, match="no brush"):
            await cache.file("key", fail)
        assert (await cache.file("key", lambda: b"ok"))[1] == 2
