"""What a caller asks for, after every default, alias and rule has been applied."""

from __future__ import annotations

from dataclasses import dataclass, field

from sora_gateway.domain.accounts import Plan
from sora_gateway.domain.media import Aspect, Blob, MediaKind
from sora_gateway.domain.model_names import Family
from sora_gateway.domain.priorities import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A finished video of the caller's, as it lies at the backend: what a remix or an extension starts from.

    ``result_id`` is the backend's name of the file, ``account_id`` the only account that can use it.
    ``total_s`` is how long the video is.
    """

    job_id: str
    account_id: str
    result_id: str
    total_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """The seconds of a video that show a character: of a file in the vault, or of a finished video.

    Neither: of the video that the request itself makes.
    """

    start_s: float = 0.0
    end_s: float = 3.0
    blob: Blob | None = None
    source: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """Where the caller wants to hear how this one job ended. ``sealed`` is his secret, encrypted."""

    url: str
    sealed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """One job's worth of work, in the gateway's own words.

    Everything is resolved: no field waits for a default. ``model`` is the name as the caller wrote it.
    ``n`` counts the results of one job (images); variants of a video are sibling jobs with ``n`` 1.
    ``inputs`` are reference pictures, already in the vault.

    ``remix`` or ``remix_post`` (a video that somebody shared at the backend, by its id there) is changed by
    the prompt; ``extend`` is carried on by ``duration_s``. ``character`` is made first and appears in the
    video; a request of the kind ``character`` makes nothing else. ``keeps_character`` makes one of the
    finished video. ``mentions`` are usernames of characters that appear without being named in the prompt.
    ``account_id``: only this account may run it. ``priority`` is the class that was asked for, None: the
    licence's; see ``Job`` for the one that it has.
    """

    kind: MediaKind
    family: Family
    model: str
    prompt: str
    aspect: Aspect
    n: int = 1
    duration_s: int | None = None
    hd: bool = False
    pro: bool = False
    storyboard: bool = False
    watermark: bool = False
    private: bool = False
    style: str | None = None
    groups: tuple[str, ...] = ()
    plan: Plan = Plan.FREE
    inputs: tuple[Blob, ...] = ()
    remix: Source | None = None
    remix_post: str | None = None
    extend: Source | None = None
    character: Clip | None = None
    character_name: str | None = None
    keeps_character: Clip | None = None
    mentions: tuple[str, ...] = ()
    account_id: str | None = None
    callback: Callback | None = None
    priority: Priority | None = None
    asked: dict[str, str] = field(default_factory=dict)
    """Fields of the request that were adapted, as the caller gave them (``seconds``, ``size``)."""

    @property
    def total_s(self) -> int:
        """How long the finished video is: for an extension, with what it extends."""
        return (self.duration_s or 0) + (self.extend.total_s if self.extend is not None else 0)

    @property
    def source(self) -> Source | None:
        """The caller's video that it starts from."""
        return self.remix if self.remix is not None else self.extend

    @property
    def size(self) -> str:
        """The public ``WxH`` of the result; the file's own pixels may differ and are reported apart."""
        if self.kind is MediaKind.IMAGE:
            return _IMAGE_SIZES[self.aspect]
        return _VIDEO_SIZES[self.hd, self.aspect]


_IMAGE_SIZES = {Aspect.SQUARE: "1024x1024", Aspect.LANDSCAPE: "1536x1024", Aspect.PORTRAIT: "1024x1536"}
_VIDEO_SIZES = {
    (False, Aspect.PORTRAIT): "720x1280",
    (False, Aspect.LANDSCAPE): "1280x720",
    (True, Aspect.PORTRAIT): "1024x1792",
    (True, Aspect.LANDSCAPE): "1792x1024",
}
