"""Files that callers keep here to use them in requests."""

from __future__ import annotations

from dataclasses import dataclass

from sora_gateway.domain.media import Blob


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """An uploaded picture or clip, by whose id requests can name it. ``blob`` lies in the vault."""

    id: str
    owner: str
    name: str
    purpose: str
    created_at: float
    expires_at: float
    blob: Blob
