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
    known which rendition the account is entitled to.
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


class Video(TypedDict):
    """A video job; every key is always there.

    Source: OpenAI API reference, Videos (OpenAPI description, August 2026) and openai-python 3.54
    ``types/video.py``, read 2026-11-22. From ``queue_position`` on the keys are ours.

    Example: ``{"id": "video_01k...", "object": "video", "model": "sora_video2", "status": "queued",
    "progress": 0, "created_at": 1763812800, "completed_at": null, "expires_at": null, "prompt": "画小猫",
    "size": "720x1280", "seconds": "10", "remixed_from_video_id": null, "error": null, "queue_position": 1,
    "eta_s": 90, "effective": {...}, "variants": []}``
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

CREATE: dict[str, Any] = {
    "title": "VideoRequest",
    "examples": [{"prompt": "画小猫", "model": "sora_video2"}],
    "type": "object",
    "required": ["prompt"],
    "additionalProperties": True,
    "properties": {
        "prompt": {"type": "string", "minLength": 1, "maxLength": 32000},
        "model": {"type": "string", "default": "sora-2", "description": "a name of `GET /v1/models`"},
        "seconds": {"type": "string", "description": "10, 15 or 25; `duration` means the same"},
        "size": {"type": "string", "description": "WxH; decides between portrait and landscape"},
        "n": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1},
        "input_reference": {
            "description": "a URL, a data URL, base64 or an object with one of them",
            "oneOf": [
                _TEXT,
                {"type": "array", "items": _TEXT},
                {"type": "object", "properties": {"image_url": _TEXT, "file_id": _TEXT}},
            ],
        },
        "hd": _FLAG,
        "watermark": _FLAG,
        "private": _FLAG,
        "storyboard": _FLAG,
        "style": _TEXT,
    },
}
"""Fields of ``POST /v1/videos``; unknown ones are ignored.

Source: OpenAI API reference, Create video, read 2026-11-22; the rest is ours.
"""
