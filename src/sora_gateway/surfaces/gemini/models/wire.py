"""The messages of Gemini's models."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict


class Model(TypedDict):
    """A model name; ``capabilities`` is ours: what it makes and each parameter's values.

    Source: Gemini API reference, Models, and google-genai 3.4 ``types.py``, read 2026-11-22.

    Example: ``{"name": "models/sora_video2", "baseModelId": "sora_video2", "version": "1", "displayName":
    "sora_video2", "description": "Makes videos, Sora 2.", "inputTokenLimit": 32000, "outputTokenLimit": 8192,
    "supportedGenerationMethods": ["generateContent", "countTokens", "predictLongRunning"],
    "capabilities": {...}}``
    """

    name: str
    baseModelId: str
    version: str
    displayName: str
    description: str
    inputTokenLimit: int
    outputTokenLimit: int
    supportedGenerationMethods: list[str]
    capabilities: dict[str, Any]


class ModelList(TypedDict):
    """A piece of the list; the last one has no ``nextPageToken``.

    Source: as ``Model``.

    Example: ``{"models": [{"name": "models/sora_image", ...}], "nextPageToken": "50"}``
    """

    models: list[Model]
    nextPageToken: NotRequired[str]
