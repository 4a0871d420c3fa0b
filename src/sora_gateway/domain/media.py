"""Words for pictures, videos and the places they lie in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MediaKind(StrEnum):
    """What a job makes."""

    IMAGE = "image"
    VIDEO = "video"
    CHARACTER = "character"
    """No file: a character of the backend, made from a clip, that prompts can mention."""


class Aspect(StrEnum):
    """Which way a picture stands. Videos are never square."""

    SQUARE = "square"
    PORTRAIT = "portrait"
    LANDSCAPE = "landscape"


class Variant(StrEnum):
    """One of the files that a finished job offers."""

    VIDEO = "video"
    THUMBNAIL = "thumbnail"
    SPRITESHEET = "spritesheet"
    IMAGE = "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A file in the vault. ``name`` is its key there, ``digest`` its SHA-256 in hex, also the ETag."""

    name: str
    media_type: str
    size_bytes: int
    digest: str
    width_px: int | None = None
    height_px: int | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One file of a finished job. ``index`` tells the results of one variant apart (images, n > 1).

    ``watermark`` is what the backend said of the file, None where it did not say.
    """

    variant: Variant
    index: int
    blob: Blob
    watermark: bool | None = None
