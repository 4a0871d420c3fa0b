"""Licence keys: who calls and what he may do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from sora_gateway.domain.priorities import Priority


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
class Bounds:
    """How much a caller may ask for; None: no bound.

    ``concurrent_jobs`` counts his jobs that are not final, ``queued_jobs`` those of them that still wait for
    an account. Units are counted by the day and the month of acceptance in UTC. Of two callers with waiting
    jobs of one class, the one with twice the ``weight`` is served twice as many units. ``priority`` is the
    highest class that his jobs can have.
    """

    requests_per_minute: int | None = None
    concurrent_jobs: int | None = None
    queued_jobs: int | None = None
    daily_units: int | None = None
    monthly_units: int | None = None
    weight: float = 1.0
    priority: Priority = Priority.NORMAL


NO_BOUNDS = Bounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """A key's record; the key itself is stored only as a hash.

    ``revoked_at`` and ``expires_at`` end it, ``disabled_at`` rests it. ``groups`` of accounts and ``models``
    that it may use; none: all. ``old_key_hint`` and ``old_key_until`` tell of the key before the last
    rotation: it opens the same until then.
    """

    id: str
    name: str
    key_hint: str
    permissions: frozenset[Permission]
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    disabled_at: float | None = None
    rotated_at: float | None = None
    old_key_hint: str | None = None
    old_key_until: float | None = None
    groups: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    bounds: Bounds = NO_BOUNDS

    def is_live(self, now_s: float) -> bool:
        """Tell whether the key opens anything at ``now_s``."""
        is_ended = self.revoked_at is not None or self.disabled_at is not None
        return not is_ended and (self.expires_at is None or now_s < self.expires_at)


def as_by_old_key(licence: Licence) -> Licence | None:
    """Return the licence as the key before the last rotation opens it, for its time; None: not at all."""
    if licence.old_key_until is None:
        return None
    until = licence.old_key_until
    if licence.expires_at is not None:
        until = min(until, licence.expires_at)
    return replace(licence, key_hint=licence.old_key_hint or licence.key_hint, expires_at=until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a request: the owner of what it creates and the bounds of what it may do.

    ``account_id``: everything runs on this account, the caller's own. ``groups`` and ``models``: see
    ``Licence``.
    """

    licence_id: str
    permissions: frozenset[Permission]
    account_id: str | None = None
    groups: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    bounds: Bounds = NO_BOUNDS
