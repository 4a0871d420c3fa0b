"""Characters: who a prompt may mention as ``@username``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sora_gateway.domain.jobs import JobError


class CharacterStatus(StrEnum):
    """Where a character is."""

    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeCharacter:
    """A character as the backend knows it: ``backend_id`` and the name that prompts use."""

    backend_id: str
    username: str
    display_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """A character of a caller. ``job_id`` is the job that makes it, or the video job that it belongs to.

    It lives on one account of the backend and can be used only there. From ``ready`` on ``account_id``,
    ``backend_id`` and ``username`` are set.
    """

    id: str
    owner: str
    job_id: str
    created_at: float
    name: str | None = None
    status: CharacterStatus = CharacterStatus.PROCESSING
    account_id: str | None = None
    backend_id: str | None = None
    username: str | None = None
    error: JobError | None = None
