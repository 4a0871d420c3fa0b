"""What all tests share."""

from __future__ import annotations

import asyncio

# pytest-asyncio asks for the current loop before it makes its own; Python 3.11 answers by creating one that
# nobody closes, unless it was told that there is none.
asyncio.set_event_loop(None)
