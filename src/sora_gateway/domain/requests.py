"""What a caller asks for, after every default, alias and rule has been applied."""

from __future__ import annotations

from dataclasses import dataclass, field

from sora_gateway.domain.accounts import Plan
from sora_gateway.domain.media import Aspect, Blob, MediaKind
from sora_gateway.domain.model_names import Family


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """One job's worth of work, in the gateway's own words.

    Everything is resolved: no field waits for a default. ``model`` is the name as the caller wrote it.
    ``n`` counts the results of one job (images); variants of a video are sibling jobs with ``n`` 1.
    ``inputs`` are reference pictures, already in the vault.
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
    asked: dict[str, str] = field(default_factory=dict)
    """Fields of the request that were adapted, as the caller gave them (``seconds``, ``size``)."""

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
