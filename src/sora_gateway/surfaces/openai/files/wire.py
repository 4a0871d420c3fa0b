"""The messages of OpenAI's Files API."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict


class File(TypedDict):
    """A file, or the result of a finished job.

    Source: OpenAI API reference, Files, and openai-python 3.54 ``types/file_object.py``, read 2026-11-22.

    Example: ``{"id": "file_01k...", "object": "file", "bytes": 120000, "created_at": 1763812800,
    "expires_at": 1766404800, "filename": "cat.png", "purpose": "vision", "status": "processed",
    "status_details": null}``
    """

    id: str
    object: Literal["file"]
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: str
    status: Literal["processed"]
    status_details: None


class FilePage(TypedDict):
    """A piece of the list; ``has_more`` and the last id drive the SDKs' pagination.

    Source: openai-python 3.54 ``pagination.py`` (SyncCursorPage), read 2026-11-22.

    Example: ``{"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false}``
    """

    object: Literal["list"]
    data: list[File]
    first_id: str | None
    last_id: str | None
    has_more: bool


class FileDeleted(TypedDict):
    """The answer to a deletion.

    Source: openai-python 3.54 ``types/file_deleted.py``, read 2026-11-22.

    Example: ``{"id": "file_01k...", "object": "file", "deleted": true}``
    """

    id: str
    object: Literal["file"]
    deleted: Literal[True]


UPLOAD: dict[str, Any] = {
    "title": "FileRequest",
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "a picture or a video"},
        "purpose": {"type": "string", "maxLength": 64, "default": "user_data"},
        "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
        "expires_after[seconds]": {"type": "integer", "minimum": 3600, "maximum": 2592000},
    },
}
"""Fields of ``POST /v1/files``, multipart only.

Source: OpenAI API reference, Upload file, read 2026-11-22.
"""
