"""Reading what is said of posts, characters and prompts."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sora_gateway.upstreams.sora_web.wire_characters import (
    Cameo,
    CharacterList,
    OneCharacter,
    OneDraft,
    Posted,
    StoredFile,
)
from tests.upstreams.sora_web.support import sample


def test_a_draft_on_its_own() -> None:
    """Section 7.3: wrapped, or not."""
    row = sample("drafts")["items"][0]
    for value in ({"draft": row}, row):
        draft = OneDraft.model_validate(value).draft
        assert (draft.generation_id, draft.post_id, draft.can_extend) == (row["id"], None, True)


def test_a_publication() -> None:
    """Section 8.1: the id of the post is all that is needed, and without it there is none."""
    assert Posted.model_validate({"post": {"id": "s_1"}, "profile": {}}).id == "s_1"
    for nothing in ({}, {"post": {}}, [], None):
        with pytest.raises(ValidationError):
            Posted.model_validate(nothing)


@pytest.mark.parametrize(
    ("value", "is_done", "is_failed"),
    [
        ({"status": "processing", "status_message": "Processing"}, False, False),
        ({"status": "finalized"}, True, False),
        ({"status": "processing", "status_message": "Completed"}, True, False),
        ({"profile_asset_url": "https://x"}, True, False),
        ({"status": "failed", "status_message": "no"}, False, True),
        ({"status": 5, "profile_asset_url": 7}, False, False),
    ],
)
def test_where_a_cameo_is(value: Any, is_done: bool, is_failed: bool) -> None:
    """Section 9.3: any sign of completion counts."""
    cameo = Cameo.model_validate(value)
    assert (cameo.is_done, cameo.is_failed) == (is_done, is_failed)


@pytest.mark.parametrize(
    "value",
    [
        {"character": {"character_id": "ch_1", "profile": {"username": "rusty481"}}},
        {"character_id": "ch_1", "profile": {"user_id": "ch_1", "username": "rusty481"}},
        {"user_id": "ch_1", "username": "rusty481"},
        {"profile": {"user_id": "ch_1", "username": "rusty481"}},
    ],
)
def test_a_character_comes_in_several_wrappings(value: Any) -> None:
    """Sections 9.4 and 9.5: with its profile, or as its profile."""
    character = OneCharacter.model_validate(value).character
    assert (character.id, character.name) == ("ch_1", "rusty481")
    assert CharacterList.model_validate({"items": [value.get("character", value), "x"]}).items == [character]


def test_what_a_stored_file_is_called() -> None:
    """Section 4.2: by its pointer, or by its id where that is missing."""
    assert (
        StoredFile.model_validate({"asset_pointer": "sediment://a", "file_id": "b"}).pointer == "sediment://a"
    )
    assert StoredFile.model_validate({"file_id": "file_1"}).pointer == "sediment://file_1"
    assert StoredFile.model_validate({}).pointer is None
