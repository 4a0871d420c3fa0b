"""Name a job and an attempt in a text that a backend may echo."""

from __future__ import annotations

from dataclasses import dataclass

_PREFIX = "sg-"


@dataclass(frozen=True, slots=True)
class Marker:
    """The job and attempt that a text in the backend's list names."""

    job_id: str
    ticket: str


def make_marker(job_id: str, ticket: str) -> str:
    """Return the text to hide in a create call."""
    return f"{_PREFIX}{job_id}-{ticket}"


def parse_marker(text: str | None) -> Marker | None:
    """Return what ``make_marker`` put in, None for any other text."""
    if text is None or not text.startswith(_PREFIX):
        return None
    job_id, separator, ticket = text.removeprefix(_PREFIX).rpartition("-")
    return Marker(job_id=job_id, ticket=ticket) if separator and job_id and ticket else None
