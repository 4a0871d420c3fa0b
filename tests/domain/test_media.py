"""Media: values that are compared and never changed."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from sora_gateway.domain.media import Variant
from tests.domain.samples import BLOB, OUTPUT


def test_blobs_are_values() -> None:
    """Equal by content, frozen, usable as keys."""
    assert replace(BLOB) == BLOB
    assert {BLOB: 1}[replace(BLOB)] == 1
    with pytest.raises(FrozenInstanceError):
        BLOB.name = "other"  # type: ignore[misc]


def test_variants_are_told_by_their_public_names() -> None:
    """The words of the Videos API name the files."""
    assert Variant("thumbnail") is Variant.THUMBNAIL
    assert OUTPUT.variant == "video"
