"""Prove the promises of ``ports.stores.CharacterStore``."""

from __future__ import annotations

from dataclasses import replace

from sora_gateway.domain.characters import Character, CharacterStatus
from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.jobs import JobError
from sora_gateway.ports.stores import Store

READY = Character(
    id="char_1",
    owner="lic_a",
    job_id="character_1",
    created_at=5.25,
    name="名",
    status=CharacterStatus.READY,
    account_id="sora_web:user-1",
    backend_id="ch_1",
    username="mochi",
)
FAILED = Character(
    id="char_2",
    owner="lic_a",
    job_id="character_2",
    created_at=6.0,
    status=CharacterStatus.FAILED,
    error=JobError(kind=ErrorKind.CONTENT_REFUSED, message="No faces.", code="moderation_blocked"),
)
OTHERS = replace(READY, id="char_3", owner="lic_b", username="tofu", created_at=1.0)


async def test_characters_come_back_whole(store: Store) -> None:
    """What was put is what is got; putting again replaces it."""
    for character in (READY, FAILED):
        await store.characters.put(character)
        assert await store.characters.get(character.id) == character
    renamed = replace(READY, name=None)
    await store.characters.put(renamed)
    assert await store.characters.get(READY.id) == renamed
    assert await store.characters.get("char_9") is None


async def test_characters_are_found_by_username(store: Store) -> None:
    """Anybody's, in any case of letters; unknown names are left out."""
    for character in (READY, FAILED, OTHERS):
        await store.characters.put(character)
    assert await store.characters.named(["mochi", "TOFU", "nobody"]) == {"mochi": READY, "TOFU": OTHERS}
    assert await store.characters.named(["nobody"]) == {}
    assert await store.characters.named([]) == {}
    many = [f"nobody{number}" for number in range(10_000)]
    assert await store.characters.named([*many, "mochi"]) == {"mochi": READY}


async def test_a_username_leads_to_who_bears_it_now(store: Store) -> None:
    """An earlier name leads nowhere; a name that another took stays with it."""
    await store.characters.put(replace(READY, username=None))
    assert await store.characters.named(["mochi"]) == {}
    await store.characters.put(READY)
    renamed = replace(READY, username="mochi.two")
    await store.characters.put(renamed)
    assert await store.characters.named(["mochi", "mochi.two"]) == {"mochi.two": renamed}
    heir = replace(OTHERS, username="mochi.two")
    await store.characters.put(heir)
    await store.characters.remove(READY.id)
    assert await store.characters.named(["mochi.two"]) == {"mochi.two": heir}


async def test_a_removed_character_is_gone(store: Store) -> None:
    """From everywhere; the second removal finds nothing."""
    await store.characters.put(READY)
    assert await store.characters.remove(READY.id) is True
    assert await store.characters.remove(READY.id) is False
    assert await store.characters.get(READY.id) is None
    assert await store.characters.named(["mochi"]) == {}
    page = await store.characters.page("lic_a", after=None, limit=9, ascending=True)
    assert page is not None
    assert page.characters == ()


async def test_an_owner_pages_through_its_characters(store: Store) -> None:
    """By creation time in both directions, without those of others."""
    mine = [replace(FAILED, id=f"char_{number}", created_at=float(number)) for number in range(1, 5)]
    for character in (*reversed(mine), replace(OTHERS, id="char_other")):
        await store.characters.put(character)
    first = await store.characters.page("lic_a", after=None, limit=3, ascending=True)
    assert first is not None
    assert (list(first.characters), first.has_more) == (mine[:3], True)
    last = await store.characters.page("lic_a", after="char_3", limit=3, ascending=True)
    assert last is not None
    assert (list(last.characters), last.has_more) == (mine[3:], False)
    down = await store.characters.page("lic_a", after="char_3", limit=9, ascending=False)
    assert down is not None
    assert (list(down.characters), down.has_more) == ([mine[1], mine[0]], False)
    assert await store.characters.page("lic_a", after="char_other", limit=3, ascending=True) is None
