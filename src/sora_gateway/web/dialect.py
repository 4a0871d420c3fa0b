"""Tell whose dialect a request speaks, since three of them share paths."""

from __future__ import annotations

import re
from collections.abc import Container
from enum import StrEnum


class Dialect(StrEnum):
    """The shape of an answer, errors included."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"


_ANTHROPIC_PATH = re.compile(r"^(?:/v1)+/messages(?:/|$)")
_GEMINI_PATH = re.compile(
    r"^/v1beta\d*(?:/|$)"
    r"|/models/.+:(?:generate|streamGenerate|count|predict|fetchPredict|batch|embed)[A-Za-z]*$"
    r"|/interactions(?:/|$)"
    r"|/operations/"
    r"|/files/.+:download$"
)


def dialect_of(headers: Container[str], path: str, query: Container[str]) -> Dialect:
    """Return the dialect of a request; the first rule that fits decides (sdk-contract section 1).

    The key's header does not count: Anthropic's SDK sends ``Authorization`` too.

    Args:
        headers: names, looked up without regard to case (lower-case names in a plain set).
        path: below the mount, ``/v1/models`` for ``/sora/v1/models``.
        query: names of the query parameters.
    """
    if "anthropic-version" in headers or _ANTHROPIC_PATH.match(path):
        return Dialect.ANTHROPIC
    if "x-goog-api-key" in headers or "x-goog-api-client" in headers or "key" in query:
        return Dialect.GEMINI
    return Dialect.GEMINI if _GEMINI_PATH.search(path) else Dialect.OPENAI
