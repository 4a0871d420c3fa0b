"""Run blocking work in threads so that it never outlives the await that asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T], executor: Executor | None = None) -> T:
    """Run ``work`` in a thread and return what it returns.

    A cancellation is passed on only when the thread has ended, so whoever cleans up afterwards shares its
    files with nobody. Work that waits in line for a thread of ``executor`` is dropped at once; without one
    it runs in any case.
    """
    if executor is None:
        future = asyncio.get_running_loop().run_in_executor(None, work)
        return await _outcome(future, lambda: False)
    job = executor.submit(work)
    return await _outcome(asyncio.wrap_future(job), job.cancel)


async def _outcome(future: asyncio.Future[T], drop: Callable[[], bool]) -> T:
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if not drop():
            await _ended(future)
        raise


async def _ended(future: asyncio.Future[T]) -> None:
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:  # the first cancellation is raised again by the caller
            continue
    if not future.cancelled():
        future.exception()  # marks it as seen
