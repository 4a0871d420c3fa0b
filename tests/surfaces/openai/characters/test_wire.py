"""The samples have exactly the shapes of the wire module, and of the SDK's types."""

from __future__ import annotations

import pytest
from openai.types import VideoCreateCharacterResponse, VideoGetCharacterResponse
from pydantic import TypeAdapter

from sora_gateway.surfaces.openai.characters.wire import CREATE, CharacterList, CharacterObject
from tests.surfaces.openai.samples import sample


@pytest.mark.parametrize("name", ["ready", "failed"])
def test_every_key_is_there(name: str) -> None:
    """Absent values are null; the strict reading of openai-python accepts the object."""
    character = sample(f"character_{name}.json")
    assert set(character) == set(CharacterObject.__annotations__)
    TypeAdapter(CharacterObject).validate_python(character, strict=True)
    assert VideoCreateCharacterResponse.model_validate(character, strict=True).id == character["id"]
    assert VideoGetCharacterResponse.model_validate(character, strict=True).name == "Rusty"


def test_list() -> None:
    """The list's shape."""
    page = {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
    TypeAdapter(CharacterList).validate_python(page, strict=True)


def test_documented_fields() -> None:
    """Every source is described; unknown fields are taken."""
    assert {"url", "file", "video", "from_task", "timestamps", "name"} <= set(CREATE["properties"])
    assert CREATE["additionalProperties"] is True
