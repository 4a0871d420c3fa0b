"""What a simulated backend is like, as data: timing, limits, accounts, triggers, faults."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sora_gateway.simulator.fault_rules import Fault, Outcome

DAY_S = 86_400.0

Plan = Literal["free", "plus", "pro", "team"]
CameoOutcome = Literal["refuse", "fail"]
SessionAnswer = Literal["fresh", "unchanged", "null", "empty"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Phase(_Data):
    """One status of a task's life and how long it lasts; no progress means ``progress_pct: null``."""

    status: str
    seconds: float = Field(ge=0)
    progress_from: float | None = None
    progress_to: float | None = None


class Timing(_Data):
    """The life of one kind of task (Sora web protocol, sections 7 and 12)."""

    phases: tuple[Phase, ...] = Field(min_length=1)
    hidden_s: float = 0.0
    """A new task is absent from lists for so long."""
    hidden_answers: int = 0
    """A new task is absent from so many list answers."""
    result_after_s: float = 0.0
    """From the end of the last phase until the draft shows."""
    url_after_s: float = 0.0
    """From the draft of a ``late_url`` task until it has links."""
    late_result_s: float = 5.0
    """The draft of a ``late_draft`` task shows so much later than another one's."""
    failed_listed_s: float = 60.0
    """A failed task stays in the pending list for so long."""
    factor_by_seconds: dict[int, float] = {}
    """Stretches the phases for videos of that length."""
    jitter: float = Field(default=0.0, ge=0, lt=1)
    """Stretches or shrinks each task by up to this share, decided by its seed."""


class Timings(_Data):
    """The two kinds of task."""

    video: Timing
    image: Timing


class Directive(_Data):
    """A word in a prompt that decides how its task ends."""

    word: str
    outcome: Outcome
    text: str | None = None


class Combination(_Data):
    """One legal row of the table in Sora web protocol, section 6.1, with its price in videos."""

    model: str
    size: str
    seconds: dict[int, int]
    plans: tuple[Plan, ...] | None = None


class Pixels(_Data):
    """Width and height."""

    width_px: int = Field(ge=16)
    height_px: int = Field(ge=16)


class Limits(_Data):
    """What the backend accepts and how many at once."""

    video_concurrency: int = 3
    image_concurrency: int = 1
    window_s: float = DAY_S
    max_prompt_chars: int | None = None
    max_cameos: int = 3
    max_bulk_tasks: int = 4
    max_upload_bytes: int = 64_000_000
    combinations: tuple[Combination, ...]
    model_aliases: dict[str, str] = {}
    video_pixels: dict[str, Pixels]
    """By ``{size}-{orientation}``."""
    image_pixels: dict[str, Pixels]
    """By ``square``, ``landscape`` and ``portrait``: the class of the asked ratio."""


class Sentinel(_Data):
    """How the header of Sora web protocol, section 2, is judged."""

    required: bool = True
    device_id_required: bool = False
    refused_containing: str = "bad"


class Links(_Data):
    """Signed links of the media host."""

    life_s: float = 3 * DAY_S


class Rendering(_Data):
    """Bounds of the lazily rendered media."""

    workers: int = Field(default=2, ge=1)
    cache_bytes: int = 512_000_000
    huge_word: str = "huge"
    """``[huge:200]`` in a prompt makes the downloadable file about 200 MB."""


class Publishing(_Data):
    """Posts."""

    refusals_first: int = 0
    """A post of a generation is refused so often with ``invalid_request`` (section 8.1)."""


class Pictures(_Data):
    """Uploads that are refused, by a word in their file name (section 4)."""

    refused_name_contains: str = "[person]"
    refusal: str = "We can't use pictures that show a realistic person."


class CameoDirective(_Data):
    """A word that decides how the making of a character ends.

    It is looked for in an uploaded clip's file name and in the texts that the file carries (title,
    comment), which no client changes on the way; for a character from a generation, in its prompt.
    ``refuse`` answers 400 ``content_refused`` at once, ``fail`` lets the processing end as ``failed``.
    """

    word: str
    outcome: CameoOutcome
    text: str


_PERSON = "This clip seems to show a real person. Only people themselves can create their character."


class Characters(_Data):
    """The making of characters (Sora web protocol, section 9)."""

    processing_s: float = Field(default=40.0, ge=0)
    directives: tuple[CameoDirective, ...] = (
        CameoDirective(word="[person]", outcome="refuse", text=_PERSON),
        CameoDirective(word="[hidden-person]", outcome="fail", text=_PERSON),
        CameoDirective(
            word="[no-character]", outcome="fail", text="We couldn't find a character in this clip."
        ),
    )


class Extensions(_Data):
    """Long-video extensions (Sora web protocol, section 6.6)."""

    prices: dict[int, int] = {10: 1, 15: 2}
    """What the seconds that may be added cost, in videos."""
    longest_s: int = 120
    """A draft can be extended while the shortest extension stays within this length."""


class Style(_Data):
    """One row of ``initialize_async.styles`` (section 13)."""

    id: str
    display_name: str


class AccountSettings(_Data):
    """One account, as a scenario or ``POST /simulator/accounts`` describes it."""

    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,40}$")
    plan: Plan = "plus"
    username: str | None = "{name}"
    email: str = "{name}@example.org"
    video_quota: int = Field(default=5000, ge=0)
    image_quota: int = Field(default=5000, ge=0)
    video_concurrency: int | None = Field(default=None, ge=0)
    image_concurrency: int | None = Field(default=None, ge=0)
    access_token_life_s: float = 8 * DAY_S
    session_life_s: float = 90 * DAY_S
    client_id: str = "app_1LOVEceTvrP2tHFDNnrPLQkJ"
    has_sora2: bool = True
    revoked: bool = False
    """Every access token answers 401 ``token_invalidated``."""
    session: SessionAnswer = "fresh"
    """What ``/api/auth/session`` answers for this account's cookie (section 1.2)."""


class Scenario(_Data):
    """A whole simulated backend."""

    name: str
    seed: int = 0
    clock_skew_s: float = 0.0
    """Its clock is so far ahead of the machine's, or behind it where negative."""
    timing: Timings
    limits: Limits
    sentinel: Sentinel = Sentinel()
    links: Links = Links()
    rendering: Rendering = Rendering()
    publishing: Publishing = Publishing()
    pictures: Pictures = Pictures()
    characters: Characters = Characters()
    extensions: Extensions = Extensions()
    directives: tuple[Directive, ...] = ()
    styles: tuple[Style, ...] = ()
    accounts: tuple[AccountSettings, ...] = ()
    faults: tuple[Fault, ...] = ()


def load_scenario(name_or_path: str) -> Scenario:
    """Return the packaged scenario of that name, or the one in the file of that path.

    Raises:
        ValueError: no such scenario, or the file does not describe one.
    """
    packaged = files("sora_gateway.simulator").joinpath("scenarios", f"{name_or_path}.json")
    if packaged.is_file():
        text = packaged.read_text(encoding="utf-8")
    else:
        path = Path(name_or_path)
        if not path.is_file():
            raise ValueError(f"no scenario named {name_or_path!r}, and no such file")
        text = path.read_text(encoding="utf-8")
    try:
        return Scenario.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(f"{name_or_path}: {error}") from error
