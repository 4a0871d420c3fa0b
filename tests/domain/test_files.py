"""An uploaded file knows its place and its end."""

from __future__ import annotations

from sora_gateway.domain.files import StoredFile
from sora_gateway.domain.media import Blob


def test_equal_records_are_equal() -> None:
    """Records are values: what is read back equals what was written."""
    blob = Blob(name="files/1", media_type="image/png", size_bytes=3, digest="d")
    fields = {"id": "file_1", "owner": "lic_1", "name": "a.png", "purpose": "vision"}
    first, second = (StoredFile(**fields, created_at=1.0, expires_at=2.0, blob=blob) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
