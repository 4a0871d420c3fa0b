"""Keep callers' characters, found by id, by owner and by the names that prompts mention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sora_gateway.domain.characters import Character
from sora_gateway.ports.stores import CharacterPage
from sora_gateway.stores.redis.codec import Codec
from sora_gateway.stores.redis.connection import Connection
from sora_gateway.stores.redis.owned import OwnedRecords


class RedisCharacters:
    """Implements ``ports.stores.CharacterStore``."""

    def __init__(self, connection: Connection) -> None:
        self._records = OwnedRecords(connection, "characters", Codec(Character))

    async def put(self, character: Character) -> None:
        """Add it or replace it whole; found by id, by owner and, once it has one, by username."""
        name = None if character.username is None else character.username.lower()
        await self._records.put(character, name=name)

    async def get(self, character_id: str) -> Character | None:
        """Return it."""
        return await self._records.get(character_id)

    async def named(self, usernames: Sequence[str]) -> Mapping[str, Character]:
        """Return those of ``usernames``, in any case of letters, that are characters of anybody here.

        The keys are the usernames as they were asked for. One round trip.
        """
        found = await self._records.named(list(dict.fromkeys(name.lower() for name in usernames)))
        return {name: found[name.lower()] for name in usernames if name.lower() in found}

    async def page(
        self, owner: str, *, after: str | None, limit: int, ascending: bool
    ) -> CharacterPage | None:
        """Return the owner's by (creation time, id); None: ``after`` is not one of them."""
        page = await self._records.page(owner, after=after, limit=limit, ascending=ascending)
        return None if page is None else CharacterPage(characters=page.records, has_more=page.has_more)

    async def remove(self, character_id: str) -> bool:
        """Remove it; tell whether it was there."""
        return await self._records.remove(character_id)
