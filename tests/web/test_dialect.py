"""Whose dialect a request speaks: the table of sdk-contract section 1."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from sora_gateway.web.dialect import Dialect, dialect_of

OPENAI, ANTHROPIC, GEMINI = Dialect.OPENAI, Dialect.ANTHROPIC, Dialect.GEMINI


@pytest.mark.parametrize(
    ("headers", "path", "query", "dialect"),
    [
        ({}, "/v1/models", {}, OPENAI),
        ({"authorization": "Bearer x"}, "/v1/videos", {}, OPENAI),
        ({"x-api-key": "x"}, "/v1/models", {}, OPENAI),
        ({"anthropic-version": "2023-06-01"}, "/v1/models", {}, ANTHROPIC),
        ({"anthropic-version": "2026-10-21", "x-goog-api-key": "x"}, "/v1/models", {}, ANTHROPIC),
        ({}, "/v1/messages", {}, ANTHROPIC),
        ({}, "/v1/messages/count_tokens", {}, ANTHROPIC),
        ({}, "/v1/v1/messages", {}, ANTHROPIC),
        ({}, "/v1/messagesx", {}, OPENAI),
        ({"x-goog-api-key": "x"}, "/v1/models", {}, GEMINI),
        ({"x-goog-api-client": "x"}, "/v1/models", {}, GEMINI),
        ({}, "/v1/models", {"key": "x"}, GEMINI),
        ({}, "/v1beta/models", {}, GEMINI),
        ({}, "/v1beta1/publishers/google/models/m:predict", {}, GEMINI),
        ({}, "/v1/models/sora_image:generateContent", {}, GEMINI),
        ({}, "/v1/models/sora_image:streamGenerateContent", {}, GEMINI),
        ({}, "/v1/models/org/model:with:colons:predictLongRunning", {}, GEMINI),
        ({}, "/v1/models/ft:gpt:org", {}, OPENAI),
        ({}, "/v1/interactions", {}, GEMINI),
        ({}, "/v1/interactions/abc/cancel", {}, GEMINI),
        ({}, "/v1/models/m/operations/abc", {}, GEMINI),
        ({}, "/v1/files/abc:download", {}, GEMINI),
        ({}, "/v1/files/abc", {}, OPENAI),
        ({}, "/nothing", {}, OPENAI),
    ],
)
def test_dialect(headers: dict[str, str], path: str, query: dict[str, str], dialect: Dialect) -> None:
    """The first rule that fits decides; the key's header does not."""
    assert dialect_of(Headers(headers), path, query) is dialect


def test_header_names_have_no_case() -> None:
    """Starlette's headers find a name in any case."""
    assert dialect_of(Headers({"Anthropic-Version": "x"}), "/v1/models", {}) is ANTHROPIC
