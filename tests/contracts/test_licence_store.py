"""Prove the promises of ``ports.stores.LicenceStore``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from sora_gateway.domain.licences import Bounds, Licence, Permission
from sora_gateway.domain.priorities import Priority
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


async def test_a_licence_is_kept_with_all_its_bounds(store: Store) -> None:
    """Every field comes back."""
    bounds = Bounds(daily_units=4, requests_per_minute=1, weight=0.5, priority=Priority.HIGH)
    full = replace(FIRST, groups=("plus",), models=("sora-2",), bounds=bounds, disabled_at=1.0)
    await store.licences.put(full, "h")
    assert await store.licences.by_hash("h") == full


async def test_a_change_is_seen_by_key_and_by_id(store: Store) -> None:
    """Twenty at once lose nothing; the key stays; an unknown licence is None."""
    await store.licences.put(replace(FIRST, name=""), "h1")

    async def add(letter: str) -> None:
        await store.licences.change("lic_1", lambda before: replace(before, name=before.name + letter))

    async with asyncio.TaskGroup() as group:
        for letter in "abcdefghijklmnopqrst":
            group.create_task(add(letter))
    changed = await store.licences.get("lic_1")
    assert changed is not None
    assert sorted(changed.name) == list("abcdefghijklmnopqrst")
    assert await store.licences.by_hash("h1") == changed
    assert await store.licences.all() == [changed]
    assert await store.licences.change("lic_none", lambda before: before) is None


def rotated(until: float | None) -> Callable[[Licence], Licence]:
    """Return what a rotation does to the record."""
    return lambda before: replace(before, key_hint="sg-…new", old_key_hint="sg-…abcd", old_key_until=until)


async def test_a_rotated_key_works_on_for_its_grace(store: Store) -> None:
    """It opens the same until then, whatever is changed meanwhile; the one before that opens nothing."""
    await store.licences.put(FIRST, "h1")
    await store.licences.change("lic_1", rotated(5.0), key_hash="h2")
    new, old = await store.licences.by_hash("h2"), await store.licences.by_hash("h1")
    assert new is not None
    assert old is not None
    assert (new.key_hint, new.expires_at, old.key_hint, old.expires_at) == ("sg-…new", 9.5, "sg-…abcd", 5.0)
    await store.licences.change("lic_1", lambda before: replace(before, disabled_at=4.0))
    for key_hash in ("h1", "h2"):
        licence = await store.licences.by_hash(key_hash)
        assert licence is not None
        assert licence.disabled_at == 4.0
    await store.licences.change("lic_1", rotated(8.0), key_hash="h3")
    opens = [await store.licences.by_hash(key_hash) is not None for key_hash in ("h1", "h2", "h3")]
    assert opens == [False, True, True]


async def test_a_key_rotated_without_grace_opens_nothing(store: Store) -> None:
    """From that moment on."""
    await store.licences.put(FIRST, "h1")
    await store.licences.change("lic_1", rotated(None), key_hash="h2")
    assert await store.licences.by_hash("h1") is None
    assert await store.licences.by_hash("h2") == await store.licences.get("lic_1")
