"""Append events to a file so that they outlive the process, and read them back.

One JSON object a line. A line is handed to the kernel in one ``os.write`` before the event counts,
so a killed process loses nothing it has answered for; a torn last line is cut off at the next start.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Event = dict[str, Any]


class Journal:
    """An append-only file of events; without a path it forgets everything."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file = -1

    def replay(self) -> Iterator[Event]:
        """Yield the events of earlier runs in order. Read it to the end before ``open``.

        Raises:
            ValueError: a line before the last one is damaged; that is no torn write.
        """
        if self._path is None or not self._path.exists():
            return
        whole = 0
        size = self._path.stat().st_size
        with self._path.open("rb") as file:
            for line in file:
                event = _parse(line)
                if event is None:
                    break
                whole += len(line)
                yield event
        if whole == size:
            return
        if whole + len(line) != size:
            raise ValueError(f"{self._path.name} is damaged at byte {whole}")
        os.truncate(self._path, whole)

    def open(self) -> None:
        """Open the file for appending."""
        if self._path is not None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self._file = os.open(self._path, flags, 0o600)

    def append(self, event: Event) -> None:
        """Write one event; it survives the death of the process when this returns."""
        if self._file < 0:
            return
        line = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        while line:
            line = line[os.write(self._file, line) :]

    def close(self) -> None:
        """Close the file. Closing twice is safe."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _parse(line: bytes) -> Event | None:
    if not line.endswith(b"\n"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
