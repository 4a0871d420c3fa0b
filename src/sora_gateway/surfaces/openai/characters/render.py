"""Show characters."""

from __future__ import annotations

from sora_gateway.domain.characters import Character
from sora_gateway.domain.jobs import JobError
from sora_gateway.ports.stores import CharacterPage
from sora_gateway.surfaces.openai.characters.wire import (
    CharacterDeleted,
    CharacterError,
    CharacterList,
    CharacterObject,
)
from sora_gateway.surfaces.openai.errors import code_of


def render_character(character: Character) -> CharacterObject:
    """Return the object of a character."""
    return {
        "id": character.id,
        "object": "character",
        "name": character.name,
        "username": character.username,
        "status": character.status.value,
        "created_at": int(character.created_at),
        "error": _said(character.error),
    }


def _said(error: JobError | None) -> CharacterError | None:
    if error is None:
        return None
    return {"code": code_of(error.kind, error.code), "message": error.message}


def render_characters(page: CharacterPage) -> CharacterList:
    """Return a piece of the list."""
    found = page.characters
    return {
        "object": "list",
        "data": [render_character(character) for character in found],
        "first_id": found[0].id if found else None,
        "last_id": found[-1].id if found else None,
        "has_more": page.has_more,
    }


def render_deleted(character_id: str) -> CharacterDeleted:
    """Return the answer to a deletion."""
    return {"id": character_id, "object": "character.deleted", "deleted": True}
