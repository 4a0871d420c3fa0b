"""Prove the promises of ``ports.stores.LicenceStore``."""

from __future__ import annotations

from dataclasses import replace

from sora_gateway.domain.licences import Licence, Permission
from sora_gateway.ports.stores import Store

FIRST = Licence(
    id="lic_1",
    name="Ann",
    key_hint="sg-…abcd",
    permissions=frozenset({Permission.VIDEOS, Permission.CHAT}),
    created_at=2.0,
    expires_at=9.5,
)
SECOND = replace(FIRST, id="lic_2", permissions=frozenset(), created_at=1.0, expires_at=None)


async def test_licences_are_found_by_key_and_by_id(store: Store) -> None:
    """Each by its own hash; all come oldest first."""
    await store.licences.put(FIRST, "h1")
    await store.licences.put(SECOND, "h2")
    assert await store.licences.by_hash("h1") == FIRST
    assert await store.licences.get("lic_2") == SECOND
    assert await store.licences.all() == [SECOND, FIRST]
    assert await store.licences.by_hash("h3") is None
    assert await store.licences.get("lic_3") is None


async def test_a_replaced_key_opens_nothing(store: Store) -> None:
    """A licence has one key; replacing the record keeps the key."""
    await store.licences.put(FIRST, "old")
    revoked = replace(FIRST, revoked_at=3.0)
    await store.licences.put(revoked, "old")
    assert await store.licences.by_hash("old") == revoked
    await store.licences.put(revoked, "new")
    assert await store.licences.by_hash("old") is None
    assert await store.licences.by_hash("new") == revoked
    assert await store.licences.all() == [revoked]
