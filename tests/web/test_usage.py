"""Estimates of tokens."""

from __future__ import annotations

import pytest

from sora_gateway.web.usage import text_tokens


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("画小猫", 3)])
def test_text_tokens(text: str, tokens: int) -> None:
    """Four bytes a token, rounded up."""
    assert text_tokens(text) == tokens
