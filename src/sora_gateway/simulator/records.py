"""The things a simulated backend remembers. Each is plain data that goes into the journal and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sora_gateway.simulator.scenario import AccountSettings, Outcome

TaskKind = Literal["video", "image", "legacy_video"]
UploadKind = Literal["media", "file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account with its credentials."""

    id: str
    settings: AccountSettings
    username: str | None
    created_at: float
    access_token: str
    session_token: str
    refresh_token: str

    @property
    def name(self) -> str:
        """The name the scenario gave it."""
        return self.settings.name

    @property
    def email(self) -> str:
        """The mail address, made from the name unless given."""
        return self.settings.email.replace("{name}", self.settings.name)

    @property
    def is_pro(self) -> bool:
        """Whether files without a watermark are offered to it."""
        return self.settings.plan == "pro"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One accepted creation. What becomes of it is decided here; when, by the scenario's timing."""

    id: str
    account_id: str
    kind: TaskKind
    created_at: float
    prompt: str
    outcome: Outcome
    outcome_text: str | None
    seed: int
    seconds: int
    width_px: int
    height_px: int
    cost: int
    generation_ids: tuple[str, ...]
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A picture somebody sent, kept as a file of the same name as its id."""

    id: str
    account_id: str
    kind: UploadKind
    filename: str
    mime_type: str
    extension: str
    width_px: int
    height_px: int
    size_bytes: int
    created_at: float
    use_case: str | None
    is_refused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A published generation."""

    id: str
    account_id: str
    generation_id: str
    kind: str
    text: str
    share_setting: str
    posted_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A saved reference."""

    id: str
    account_id: str
    body: dict[str, Any]
