"""Characters as objects."""

from __future__ import annotations

from dataclasses import replace

from sora_gateway.domain.characters import Character, CharacterStatus
from sora_gateway.domain.errors import ErrorKind
from sora_gateway.domain.jobs import JobError
from sora_gateway.ports.stores import CharacterPage
from sora_gateway.surfaces.openai.characters.render import (
    render_character,
    render_characters,
    render_deleted,
)
from tests.surfaces.openai.jobs import AT
from tests.surfaces.openai.samples import sample

MAKING = Character(
    id="character_01kanar9g0", owner="o", job_id="character_01kanar9g0", created_at=AT, name="Rusty"
)
READY = replace(MAKING, status=CharacterStatus.READY, account_id="a", backend_id="ch_1", username="rusty481")
ERROR = JobError(kind=ErrorKind.CONTENT_REFUSED, message="A real person.", code="content_refused")
FAILED = replace(MAKING, status=CharacterStatus.FAILED, error=ERROR)


def test_golden() -> None:
    """The whole object, key for key; nothing of the backend's is in it."""
    assert render_character(READY) == sample("character_ready.json")
    assert render_character(FAILED) == sample("character_failed.json")


def test_while_it_is_made() -> None:
    """No name to mention it by yet."""
    shown = render_character(MAKING)
    assert (shown["status"], shown["username"], shown["error"]) == ("processing", None, None)


def test_page() -> None:
    """``last_id`` and ``has_more`` drive the pages, as for videos."""
    page = render_characters(CharacterPage(characters=(READY, replace(MAKING, id="b")), has_more=True))
    assert (page["first_id"], page["last_id"], page["has_more"]) == (READY.id, "b", True)
    assert [row["status"] for row in page["data"]] == ["ready", "processing"]
    empty = render_characters(CharacterPage(characters=(), has_more=False))
    assert (empty["data"], empty["first_id"], empty["last_id"]) == ([], None, None)
    assert render_deleted("b") == {"id": "b", "object": "character.deleted", "deleted": True}
