"""Take back the last seconds of an append-only file, as a power loss or a failover would."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_STAMP = re.compile(rb"(?:^|\r\n)#TS:(\d+)\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Everything from byte ``offset`` on, written at ``since`` (Unix time) or later, is to go."""

    offset: int
    since: float


def loss_of(data: bytes, not_before: float) -> Loss | None:
    """Return what was written at ``not_before`` or later; None: nothing.

    The server writes a time stamp before the first command of each second, never inside a transaction.
    """
    for stamp in _STAMP.finditer(data):
        at = float(stamp[1])
        if at >= not_before:
            offset = stamp.start() + (0 if data[stamp.start() : stamp.start() + 1] == b"#" else 2)
            return Loss(offset=offset, since=at)
    return None


def cut(folder: Path, not_before: float) -> Loss | None:
    """Cut the last file of a stopped server's append-only folder; return what was lost."""
    path = max(folder.glob("*.incr.aof"), key=lambda one: int(one.name.split(".")[-3]))
    loss = loss_of(path.read_bytes(), not_before)
    if loss is not None:
        with path.open("r+b") as file:
            file.truncate(loss.offset)
    return loss
