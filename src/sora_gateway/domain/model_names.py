"""The grammar and the catalogue of model names."""

from __future__ import annotations

from enum import StrEnum


class Family(StrEnum):
    """The base of a model name."""

    IMAGE = "sora_image"
    VIDEO = "sora_video"
    VIDEO2 = "sora_video2"
