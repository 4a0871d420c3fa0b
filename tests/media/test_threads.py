"""A cancelled await leaves no thread behind that still works on its files."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sora_gateway.media.threads import in_thread


async def test_returns_what_the_work_returns() -> None:
    """The thread's result and its error arrive at the await."""
    assert await in_thread(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)


async def test_cancellation_waits_for_the_thread() -> None:
    """Two cancellations in a row do not let go of a thread that still runs."""
    may_end, ended = threading.Event(), threading.Event()

    def work() -> None:
        may_end.wait(5)
        ended.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(in_thread(work))
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.sleep(0.02)
        assert not task.done()
        may_end.set()
    assert task.cancelled()
    assert ended.is_set()


async def test_work_in_line_is_dropped() -> None:
    """A cancelled await drops work that no thread of its executor has taken, at once."""
    may_end = threading.Event()
    done: list[str] = []
    with ThreadPoolExecutor(max_workers=1) as threads:
        async with asyncio.TaskGroup() as group:
            group.create_task(in_thread(lambda: may_end.wait(5), threads))
            await asyncio.sleep(0.02)
            task = group.create_task(in_thread(lambda: done.append("second"), threads))
            await asyncio.sleep(0.02)
            task.cancel()
            await asyncio.sleep(0.02)
            assert task.cancelled()
            may_end.set()
    assert done == []
