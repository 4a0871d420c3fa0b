"""The messages of Anthropic's Models API."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict


class ModelInfo(TypedDict):
    """A model name.

    Source: Anthropic API reference, Models, and anthropic-python 2.12 ``types/model_info.py``, read
    2026-11-22.

    Example: ``{"type": "model", "id": "sora_video2", "display_name": "sora_video2",
    "created_at": "2026-11-22T00:00:00Z", "lifecycle": "active"}``
    """

    type: Literal["model"]
    id: str
    display_name: str
    created_at: str
    lifecycle: Literal["active"]


class ModelPage(TypedDict):
    """A piece of the list; the ids are null when it is empty.

    Source: as ``ModelInfo``.

    Example: ``{"data": [{"type": "model", "id": "sora_image", ...}], "has_more": true,
    "first_id": "sora_image", "last_id": "sora_image"}``
    """

    data: list[ModelInfo]
    has_more: bool
    first_id: str | None
    last_id: str | None
