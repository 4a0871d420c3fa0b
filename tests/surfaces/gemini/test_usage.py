"""Estimates of tokens."""

from __future__ import annotations

import pytest

from sora_gateway.surfaces.gemini.usage import text_tokens


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("four", 1), ("fives", 2), ("画小猫", 3)])
def test_text_tokens(text: str, tokens: int) -> None:
    """Four bytes a token, rounded up."""
    assert text_tokens(text) == tokens
