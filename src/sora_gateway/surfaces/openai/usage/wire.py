"""The messages of the usage page: ours, in the form of OpenAI's lists."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict


class Day(TypedDict):
    """What became of the jobs that were accepted on ``date`` (UTC).

    Source: this gateway's own, docs/keys.md, 2026-11-22.

    Example: ``{"date": "2026-11-22", "jobs": 3, "completed": 2, "failed": 1, "cancelled": 0, "units": 2,
    "by_model": {"sora_video2": 2}}``
    """

    date: str
    jobs: int
    completed: int
    failed: int
    cancelled: int
    units: int
    by_model: dict[str, int]


class Allowance(TypedDict):
    """One quota; ``limit`` and ``remaining`` are null where there is none.

    Source: this gateway's own, docs/keys.md, 2026-11-22.

    Example: ``{"limit": 100, "used": 2, "remaining": 98, "resets_at": 1763856000}``
    """

    limit: int | None
    used: int
    remaining: int | None
    resets_at: int


class Quota(TypedDict):
    """The quotas of a key.

    Source: this gateway's own, docs/keys.md, 2026-11-22.

    Example: ``{"daily": {...}, "monthly": {...}}``
    """

    daily: Allowance
    monthly: Allowance


class Usage(TypedDict):
    """Days, oldest first, today last, and the quotas now.

    Source: this gateway's own, docs/keys.md, 2026-11-22.

    Example: ``{"object": "list", "data": [], "quota": {...}}``
    """

    object: Literal["list"]
    data: list[Day]
    quota: Quota
