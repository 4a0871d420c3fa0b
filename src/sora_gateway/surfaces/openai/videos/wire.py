"""The messages of OpenAI's Videos API, with our additions."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict


class VideoError(TypedDict):
    """Why a video failed. Example: ``{"code": "content_policy_violation", "message": "..."}``."""

    code: str
    message: str


class Effective(TypedDict):
    """What was really asked of the backend, and what came out. Ours.

    ``width`` and ``height`` are the file's own, null until it is there; ``watermark`` is null while it is not
    known which rendition the account is entitled to. ``duration`` is that of the finished file;
    ``extension_s`` how much of it an extension adds, ``remix_target`` the shared post that a remix changes,
    ``service_tier`` the class in which it waits.
    """

    model: str
    size: str
    seconds: str
    duration: int | None
    orientation: str
    hd: bool
    pro: bool
    storyboard: bool
    private: bool
    style: str | None
    watermark: bool | None
    width: int | None
    height: int | None
    extension_s: int | None
    remix_target: str | None
    service_tier: str


class VideoCharacter(TypedDict):
    """The character that a job made. Example: ``{"id": "character_01k...", "username": "rusty481"}``."""

    id: str
    username: str | None


class Video(TypedDict):
    """A video job; every key is always there.

    Source: OpenAI API reference, Videos (OpenAPI description, August 2026) and openai-python 3.54
    ``types/video.py``, read 2026-11-22. From ``queue_position`` on the keys are ours.

    Example: ``{"id": "video_01k...", "object": "video", "model": "sora_video2", "status": "queued",
    "progress": 0, "created_at": 1763812800, "completed_at": null, "expires_at": null, "prompt": "画小猫",
    "size": "720x1280", "seconds": "10", "remixed_from_video_id": null, "error": null, "queue_position": 1,
    "eta_s": 90, "effective": {...}, "variants": [], "character": null, "character_error": null}``
    """

    id: str
    object: Literal["video"]
    model: str
    status: Literal["queued", "in_progress", "completed", "failed"]
    progress: int
    created_at: int
    completed_at: int | None
    expires_at: int | None
    prompt: str | None
    size: str
    seconds: str
    remixed_from_video_id: str | None
    error: VideoError | None
    queue_position: int | None
    eta_s: int | None
    effective: Effective
    variants: list[str]
    character: VideoCharacter | None
    character_error: VideoError | None


class VideoHappening(TypedDict):
    """One entry of a job's history; times are Unix seconds. Ours.

    ``account`` is the account's name, or the end of its id; ``next_try_at`` when it is tried again, null when
    at once or not at all.

    Example: ``{"at": 1763812801.25, "event": "returned", "account": "night-1", "detail":
    "upstream_overloaded: The backend is under heavy load.", "next_try_at": 1763812806.25}``
    """

    at: float
    event: str
    account: str | None
    detail: str | None
    next_try_at: float | None


class DetailedVideo(Video):
    """The video job with ``?detail=true``: how it went, and how often an account was given to it. Ours.

    Example: ``{..., "attempts": 2, "history": [{...}]}``
    """

    attempts: int
    history: list[VideoHappening]


class VideoPage(TypedDict):
    """A piece of the list; ``last_id`` and ``has_more`` drive the SDKs' pagination.

    Source: openai-python 3.54 ``pagination.py`` (ConversationCursorPage), read 2026-11-22.

    Example: ``{"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false}``
    """

    object: Literal["list"]
    data: list[Video]
    first_id: str | None
    last_id: str | None
    has_more: bool


class VideoDeleted(TypedDict):
    """The answer to a deletion.

    Source: openai-python 3.54 ``types/video_delete_response.py``, read 2026-11-22.

    Example: ``{"id": "video_01k...", "object": "video.deleted", "deleted": true}``
    """

    id: str
    object: Literal["video.deleted"]
    deleted: Literal[True]


_TEXT = {"type": "string"}
_FLAG = {"type": "boolean", "default": False}

_REFERENCE = {
    "description": "a URL, a data URL, base64 or an object with one of them",
    "oneOf": [
        _TEXT,
        {"type": "array", "items": _TEXT},
        {"type": "object", "properties": {"image_url": _TEXT, "file_id": _TEXT}},
    ],
}
_ID = {"type": "object", "required": ["id"], "properties": {"id": _TEXT}}
_CHARACTERS = {
    "character_url": {
        "type": "string",
        "description": "a video (URL, data URL, base64) to make a character of",
    },
    "character_from_task": {"type": "string", "description": "a finished video to make a character of"},
    "character_timestamps": {"type": "string", "default": "0,3", "description": "start,end in seconds"},
    "character_create": {**_FLAG, "description": "make a character of the finished video"},
    "characters": {"type": "array", "items": _ID, "description": "characters that appear"},
}
_PROMPT = {"type": "string", "minLength": 1, "maxLength": 32000}
_DRY_RUN = {**_FLAG, "description": "say what would be done, and do nothing"}
_WEBHOOK: dict[str, Any] = {
    "webhook_url": {"type": "string", "description": "where the end of this job is told"},
    "webhook_secret": {"type": "string", "minLength": 8, "description": "what signs it"},
}

CREATE: dict[str, Any] = {
    "title": "VideoRequest",
    "examples": [{"prompt": "画小猫", "model": "sora_video2"}],
    "type": "object",
    "required": ["prompt"],
    "additionalProperties": True,
    "properties": {
        "prompt": _PROMPT,
        "model": {"type": "string", "default": "sora-2", "description": "a name of `GET /v1/models`"},
        "seconds": {"type": "string", "description": "10, 15 or 25; `duration` means the same"},
        "size": {"type": "string", "description": "WxH; decides between portrait and landscape"},
        "aspect_ratio": {"type": "string", "enum": ["16:9", "9:16"], "description": "in place of `size`"},
        "n": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1},
        "input_reference": _REFERENCE,
        "hd": _FLAG,
        "watermark": _FLAG,
        "private": _FLAG,
        "storyboard": _FLAG,
        "style": _TEXT,
        "remix_target_id": {"type": "string", "description": "the video to change: an id or a shared link"},
        "dry_run": _DRY_RUN,
        "service_tier": {"type": "string", "enum": ["auto", "default", "flex", "priority"]},
        **_WEBHOOK,
        **_CHARACTERS,
    },
}
"""Fields of ``POST /v1/videos``; unknown ones are ignored.

Source: OpenAI API reference, Create video, read 2026-11-22; the rest is ours. ``aspect_ratio`` and
``frame_images`` are the words of OpenRouter's provider 3.1, read on the same day.
"""

REMIX: dict[str, Any] = {
    **CREATE,
    "title": "VideoRemixRequest",
    "examples": [{"prompt": "再加一只小狗", "model": "sora_video2"}],
    "properties": {
        name: row
        for name, row in CREATE["properties"].items()
        if name not in ("aspect_ratio", "remix_target_id")
    },
}
"""Fields of ``POST /v1/videos/{video_id}/remix``; what is left out stays as it is in that video.

Source: OpenAI API reference, Remix video, read 2026-11-22; all but ``prompt`` is ours.
"""

EDIT: dict[str, Any] = {
    **REMIX,
    "title": "VideoEditRequest",
    "examples": [{"prompt": "add a small dog", "video": {"id": "video_01k..."}}],
    "required": ["prompt", "video"],
    "properties": {**REMIX["properties"], "video": _ID},
}
"""Fields of ``POST /v1/videos/edits``.

Source: openai-python 3.54 ``types/video_edit_params.py``, read 2026-11-22; the rest is ours.
"""

EXTENSION: dict[str, Any] = {
    "title": "VideoExtensionRequest",
    "examples": [{"prompt": "the boat reaches the sea", "seconds": "10", "video": {"id": "video_01k..."}}],
    "type": "object",
    "required": ["prompt", "seconds", "video"],
    "additionalProperties": True,
    "properties": {
        "prompt": _PROMPT,
        "seconds": {"type": "string", "description": "10 or 15 are added; 4 and 8 mean 10, 12 means 15"},
        "video": _ID,
        "n": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1},
        "watermark": _FLAG,
        "private": _FLAG,
        "character_create": _CHARACTERS["character_create"],
        "character_timestamps": _CHARACTERS["character_timestamps"],
        "dry_run": _DRY_RUN,
        **_WEBHOOK,
    },
}
"""Fields of ``POST /v1/videos/extensions``.

Source: openai-python 3.54 ``types/video_extend_params.py``, read 2026-11-22; the rest is ours.
"""
