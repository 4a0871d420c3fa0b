"""The messages about characters: ours, with OpenAI's names where it has them."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict


class CharacterError(TypedDict):
    """Why no character was made. Example: ``{"code": "content_policy_violation", "message": "..."}``."""

    code: str
    message: str


class CharacterObject(TypedDict):
    """A character; every key is always there. Prompts name it as ``@username`` once it is ready.

    Source: openai-python 3.54 ``types/video_create_character_response.py`` (``id``, ``name``,
    ``created_at``), read 2026-11-22; the other keys are ours. LiteLLM wants this ``object``.

    Example: ``{"id": "character_01k...", "object": "character", "name": "Rusty", "username": "rusty481",
    "status": "ready", "created_at": 1763812800, "error": null}``
    """

    id: str
    object: Literal["character"]
    name: str | None
    username: str | None
    status: Literal["processing", "ready", "failed"]
    created_at: int
    error: CharacterError | None


class CharacterList(TypedDict):
    """A piece of the list, in the shape of the list of videos.

    Example: ``{"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false}``
    """

    object: Literal["list"]
    data: list[CharacterObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class CharacterDeleted(TypedDict):
    """The answer to a deletion.

    Example: ``{"id": "character_01k...", "object": "character.deleted", "deleted": true}``
    """

    id: str
    object: Literal["character.deleted"]
    deleted: Literal[True]


_TEXT = {"type": "string"}

CREATE: dict[str, Any] = {
    "title": "CharacterRequest",
    "examples": [{"from_task": "video_01k...", "timestamps": "0,3"}],
    "type": "object",
    "additionalProperties": True,
    "description": "exactly one of `url`, `file`, `video` and `from_task` says what to make the character of",
    "properties": {
        "url": {"type": "string", "description": "a video: URL, data URL or base64"},
        "file": {"description": "a video as a file, or one of `POST /v1/files`", "type": "string"},
        "video": {"description": 'a video as a file, or a finished one as `{"id"}`', "type": "object"},
        "from_task": {"type": "string", "description": "the id of a finished video"},
        "timestamps": {"type": "string", "default": "0,3", "description": "start,end: 1 to 3 s of the video"},
        "name": {"type": "string", "minLength": 1, "maxLength": 80},
        "dry_run": {"type": "boolean", "default": False, "description": "say what would be done"},
    },
}
"""Fields of ``POST /v1/characters`` and of ``POST /v1/videos/characters``; unknown ones are ignored.

Source: openai-python 3.54 ``types/video_create_character_params.py`` (``name``, ``video``), read 2026-11-22;
the rest is ours.
"""
