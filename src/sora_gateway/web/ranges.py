"""Decide which bytes of a file an answer carries: Range, If-Range, If-None-Match (RFC 9110)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_SINGLE = re.compile(r"^bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """All of it: 200."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Bytes ``start`` up to but not including ``end``: 206."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """The caller has it already: 304."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsatisfiable:
    """The range begins behind the end: 416."""


Selection = Whole | Part | Unchanged | Unsatisfiable


def select(headers: Mapping[str, str], *, etag: str, size_bytes: int) -> Selection:
    """Return what a ``GET`` or ``HEAD`` with ``headers`` asks for.

    A malformed range, several ranges and an ``If-Range`` that does not fit mean the whole file, as the RFC
    allows. ``etag`` is strong and quoted; dates in ``If-Range`` never fit, for none is sent.
    """
    known = headers.get("if-none-match")
    if known is not None and _names(known, etag):
        return Unchanged()
    wanted = _SINGLE.match(headers.get("range", "").strip())
    if wanted is None or wanted.groups() == ("", ""):
        return Whole()
    if headers.get("if-range", etag).strip() != etag:
        return Whole()
    return _part(wanted[1], wanted[2], size_bytes)


def _part(first: str, last: str, size_bytes: int) -> Selection:
    if not first:
        length = min(int(last), size_bytes)
        return Part(start=size_bytes - length, end=size_bytes) if length else Unsatisfiable()
    start = int(first)
    if last and int(last) < start:
        return Whole()
    if start >= size_bytes:
        return Unsatisfiable()
    return Part(start=start, end=min(int(last) + 1, size_bytes) if last else size_bytes)


def _names(known: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in known.split(",")]
    return "*" in tags or etag in tags
