"""The things a simulated backend remembers. Each is plain data that goes into the journal and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sora_gateway.simulator.fault_rules import Outcome
from sora_gateway.simulator.parts import Part
from sora_gateway.simulator.scenario import AccountSettings

TaskKind = Literal["video", "image", "legacy_video"]
UploadKind = Literal["media", "file"]
ShareSetting = Literal["public", "private", "unlisted"]
Visibility = Literal["public", "private"]


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
class CastMember:
    """A character as it was when a task was accepted; it may be renamed or deleted since."""

    character_id: str
    username: str
    display_name: str
    owner_id: str
    owner_username: str | None
    picture_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remixed:
    """What a remix was made from: the post or draft that was named, and its generation."""

    target_id: str
    generation_id: str


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
    parts: tuple[Part, ...] = ()
    """Shots, or what was there and its extension; empty when the prompt is all there is to show."""
    cast: tuple[CastMember, ...] = ()
    remixed: Remixed | None = None
    extended_id: str | None = None
    """The generation it carries on with."""

    @classmethod
    def restored(cls, data: dict[str, Any]) -> Task:
        """Return the task that was written to the journal as ``data``."""
        remixed = data.get("remixed")
        rebuilt = {
            "generation_ids": tuple(data["generation_ids"]),
            "parts": tuple(Part(**part) for part in data.get("parts", ())),
            "cast": tuple(CastMember(**member) for member in data.get("cast", ())),
            "remixed": Remixed(**remixed) if remixed else None,
        }
        return cls(**(data | rebuilt))


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
    share_setting: ShareSetting
    posted_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A saved reference."""

    id: str
    account_id: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cameo:
    """A character in the making: a piece of an uploaded clip, or of a generation.

    An uploaded clip is kept as a file of the same name as its id.
    """

    id: str
    account_id: str
    created_at: float
    source: str
    """The clip's file name, or the generation's id."""
    generation_id: str | None
    start_s: float
    end_s: float
    failure: str | None
    """Why it will fail; ``None`` when it will not."""
    username_hint: str
    display_name_hint: str
    instruction_hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """A finished character. Usernames are unique among characters and accounts."""

    id: str
    cameo_id: str
    account_id: str
    created_at: float
    username: str
    display_name: str
    picture_id: str
    """The upload that ``profile_asset_pointer`` points to."""
    instruction_set: dict[str, Any] | None
    safety_instruction_set: dict[str, Any] | None
    visibility: Visibility = "private"
