"""Estimate tokens, for clients that insist on a count; nothing is charged by it."""

from __future__ import annotations

_BYTES_PER_TOKEN = 4


def text_tokens(text: str) -> int:
    """Return a rough count: four bytes a token, as for English; none for no text."""
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)
