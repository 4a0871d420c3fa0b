"""Print the place in a list as an opaque cursor, and read it back (Sora web protocol, section 7.3)."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from sora_gateway.simulator.errors import invalid
from sora_gateway.simulator.shelf import Position


def cursor_of(position: Position) -> str:
    """Return the cursor that goes on after ``position``."""
    text = json.dumps({"k": list(position)}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_cursor(text: str | None) -> Position | None:
    """Return the position of a cursor; no cursor stands for the beginning.

    Raises:
        RefusalError: 400 ``invalid_request``, it was not made here.
    """
    if not text:
        return None
    try:
        position: Any = json.loads(base64.urlsafe_b64decode(text))["k"]
        return float(position[0]), str(position[1])
    except (ValueError, KeyError, TypeError, IndexError, binascii.Error):
        raise invalid("The cursor is not one of ours.", "cursor") from None
