"""Prove how a store is judged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sora_gateway.cli.findings import Level
from sora_gateway.cli.store_checks import judged
from sora_gateway.ports.store_facts import StoreFacts

GOOD = StoreFacts(
    server="valkey",
    version="9.1.2",
    run_id="x",
    is_embedded=True,
    is_append_only=True,
    fsync="always",
    eviction="noeviction",
)
OUTSIDE: dict[str, object] = {
    "is_embedded": False,
    "replicas": 0,
    "least_replicas": 0,
    "memory_bytes": 70,
    "most_memory_bytes": 0,
}


def levels(facts: StoreFacts, confirming: int = 0) -> dict[str, Level]:
    """Return the judgement of each property of a store."""
    return {finding.what: finding.level for finding in judged(facts, confirming)}


@pytest.mark.parametrize(
    ("change", "what", "level"),
    [
        ({}, "store", Level.OK),
        ({"version": "7.0.0"}, "store", Level.OK),
        ({"version": "6.2.14"}, "store", Level.PROBLEM),
        ({"version": "unknown"}, "store", Level.PROBLEM),
        ({}, "durability", Level.OK),
        ({"fsync": "everysec"}, "durability", Level.WARNING),
        ({"fsync": "no"}, "durability", Level.WARNING),
        ({"fsync": "unknown"}, "durability", Level.WARNING),
        ({"is_append_only": False}, "durability", Level.WARNING),
        ({}, "eviction", Level.OK),
        ({"eviction": "allkeys-lru"}, "eviction", Level.PROBLEM),
        ({"eviction": "unknown"}, "eviction", Level.WARNING),
        (OUTSIDE, "replicas", Level.OK),
        (OUTSIDE | {"replicas": None}, "replicas", Level.WARNING),
        (OUTSIDE | {"replicas": 1}, "replicas", Level.WARNING),
        (OUTSIDE, "store memory", Level.OK),
        (OUTSIDE | {"memory_bytes": None}, "store memory", Level.WARNING),
        (OUTSIDE | {"memory_bytes": 70, "most_memory_bytes": 100}, "store memory", Level.OK),
        (OUTSIDE | {"memory_bytes": 90, "most_memory_bytes": 100}, "store memory", Level.WARNING),
        (OUTSIDE | {"memory_bytes": 100, "most_memory_bytes": 100}, "store memory", Level.PROBLEM),
    ],
)
def test_judged(change: dict[str, object], what: str, level: Level) -> None:
    """What the store promises is said for each way it can be set up."""
    assert levels(replace(GOOD, **change))[what] is level  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("replicas", "least", "confirming", "level"),
    [
        (1, 1, 1, Level.OK),
        (2, None, 1, Level.OK),
        (1, 0, 1, Level.WARNING),
        (1, 1, 2, Level.PROBLEM),
        (0, 0, 1, Level.PROBLEM),
    ],
)
def test_replicas_that_confirm(replicas: int, least: int | None, confirming: int, level: Level) -> None:
    """More than there are refuses everything; a primary that takes writes alone can lose them."""
    facts = replace(GOOD, is_embedded=False, replicas=replicas, least_replicas=least)
    assert levels(facts, confirming)["replicas"] is level


def test_the_embedded_store_has_neither_replicas_nor_a_limit() -> None:
    """What does not apply is not told."""
    assert not {"replicas", "store memory"} & levels(GOOD).keys()
