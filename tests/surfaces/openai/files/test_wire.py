"""The wire models name the fields that the SDK has."""

from __future__ import annotations

from openai.types import FileDeleted, FileObject

from sora_gateway.surfaces.openai.files import wire


def test_fields() -> None:
    """Nothing is missing and nothing is of our own."""
    assert set(wire.File.__annotations__) == set(FileObject.model_fields)
    assert set(wire.FileDeleted.__annotations__) == set(FileDeleted.model_fields)
