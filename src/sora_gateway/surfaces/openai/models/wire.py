"""The messages of OpenAI's Models API, with our additions."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict


class Model(TypedDict):
    """A model name; ``capabilities`` is ours: what it makes and each parameter's values.

    Source: OpenAI API reference, Models, and openai-python 3.54 ``types/model.py``, read 2026-11-22.

    Example: ``{"id": "sora_video2-landscape-15s", "object": "model", "created": 1763812800,
    "owned_by": "sora-gateway", "capabilities": {"kind": "video", ...}}``
    """

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    capabilities: dict[str, Any]


class ModelList(TypedDict):
    """All models that are worth showing; more names are understood.

    Source: as ``Model``.

    Example: ``{"object": "list", "data": [{"id": "sora_image", "object": "model", ...}]}``
    """

    object: Literal["list"]
    data: list[Model]
