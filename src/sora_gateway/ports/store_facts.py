"""What a store says of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """What the store is and what it promises."""

    server: str
    version: str
    run_id: str
    is_embedded: bool
    is_append_only: bool
    fsync: str
    eviction: str
    replicas: int | None = None
    """How many follow the server in step, None if it does not say."""
    least_replicas: int | None = None
    """Without so many the server takes no writes, None if it does not say."""
    memory_bytes: int | None = None
    most_memory_bytes: int | None = None
    """What it uses and may use; 0: all there is."""
