"""A character is what its record says."""

from __future__ import annotations

from sora_gateway.domain.characters import Character, CharacterStatus


def test_a_new_one_is_being_made() -> None:
    """Nothing but who wants it is known at first."""
    character = Character(id="character_1", owner="lic_1", job_id="character_1", created_at=1.0)
    assert character.status is CharacterStatus.PROCESSING
    assert (character.account_id, character.username, character.error) == (None, None, None)
