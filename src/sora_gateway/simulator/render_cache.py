"""Render media when it is first asked for, in few threads, and keep the newest files on disk."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_KEPT_AT_LEAST = 8  # so that a file just handed out is not evicted before it is opened


class RenderCache:
    """Files by key, least recently used out first. All calls come from one event loop."""

    def __init__(self, directory: Path, *, workers: int, most_bytes: int) -> None:
        self._directory = directory
        self._most_bytes = most_bytes
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="render")
        self._locks: dict[str, asyncio.Lock] = {}
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._total = 0
        directory.mkdir(parents=True, exist_ok=True)
        for path in sorted(directory.glob("*.media"), key=lambda file: file.stat().st_mtime):
            self._note(path.name, path.stat().st_size)

    async def file(self, key: str, render: Callable[[], bytes]) -> tuple[Path, int]:
        """Return the file of ``key`` and its size in bytes.

        If need be it is rendered in a worker thread, once for all who wait.
        """
        name = _name(key)
        lock = self._locks.setdefault(name, asyncio.Lock())
        try:
            async with lock:
                if name in self._sizes:
                    self._sizes.move_to_end(name)
                else:
                    loop = asyncio.get_running_loop()
                    size = await loop.run_in_executor(self._pool, self._write, name, render)
                    self._note(name, size)
                    await loop.run_in_executor(self._pool, _unlink, self._surplus())
                size = self._sizes[name]
        finally:
            if not lock.locked():
                self._locks.pop(name, None)
        return self._directory / name, size

    def close(self) -> None:
        """Let the workers finish what they are at and end."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _write(self, name: str, render: Callable[[], bytes]) -> int:
        data = render()
        draft = self._directory / f"{name}.new"
        draft.write_bytes(data)
        draft.replace(self._directory / name)
        return len(data)

    def _note(self, name: str, size: int) -> None:
        self._sizes[name] = size
        self._total += size

    def _surplus(self) -> list[Path]:
        """Forget the files that are too many and return them."""
        surplus = []
        while self._total > self._most_bytes and len(self._sizes) > _KEPT_AT_LEAST:
            name, size = self._sizes.popitem(last=False)
            self._total -= size
            surplus.append(self._directory / name)
        return surplus


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()


def _name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:40] + ".media"
