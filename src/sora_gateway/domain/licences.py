"""Licence keys: who calls and what he may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """A group of routes that a licence may use."""

    CHAT = "chat"
    RESPONSES = "responses"
    MESSAGES = "messages"
    GEMINI = "gemini"
    IMAGES = "images"
    VIDEOS = "videos"
    CHARACTERS = "characters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """A key's record; the key itself is stored only as a hash. ``revoked_at`` and ``expires_at`` end it."""

    id: str
    name: str
    key_hint: str
    permissions: frozenset[Permission]
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None

    def is_live(self, now_s: float) -> bool:
        """Tell whether the key opens anything at ``now_s``."""
        return self.revoked_at is None and (self.expires_at is None or now_s < self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a request: the owner of what it creates and the bounds of what it may do.

    ``account_id``: everything runs on this account, the caller's own.
    """

    licence_id: str
    permissions: frozenset[Permission]
    account_id: str | None = None
