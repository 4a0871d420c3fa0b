"""Say what the backend cannot do, in words for the caller. Pure."""

from __future__ import annotations

from sora_gateway.domain.media import Aspect, MediaKind
from sora_gateway.domain.model_names import Family
from sora_gateway.domain.requests import GenerationRequest
from sora_gateway.upstreams.sora_web import storyboard

PICTURES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
"""The kinds of pictures that it takes, and how their files are called."""

_SECONDS = {Family.VIDEO2: (5, 10, 15, 25), Family.VIDEO: (5, 10, 15, 20)}
_EXTENSION_SECONDS = (10, 15)
_MOST_IMAGES = 4
_MOST_CHARACTERS = 3  # max_cameos: Sora web protocol, section 9.6


def lacks(request: GenerationRequest) -> str | None:
    """Say what of ``request`` the backend cannot do; None: it can do all."""
    if request.kind is MediaKind.CHARACTER:
        return None
    for blob in request.inputs:
        if blob.media_type not in PICTURES:
            return f"Reference pictures must be PNG, JPEG or WebP, not {blob.media_type}."
    match request.family:
        case Family.IMAGE:
            is_few = 1 <= request.n <= _MOST_IMAGES
            too_many = f"One request makes 1 to {_MOST_IMAGES} images, not {request.n}."
            return _of_first_generation(request, "Images") or (None if is_few else too_many)
        case Family.VIDEO:
            return _of_any_video(request) or _of_legacy_video(request)
        case Family.VIDEO2:
            return _of_any_video(request) or _of_video(request)


def _of_any_video(request: GenerationRequest) -> str | None:
    allowed = _EXTENSION_SECONDS if request.extend is not None else _SECONDS[request.family]
    if request.duration_s not in allowed:
        listed = ", ".join(str(seconds) for seconds in allowed)
        what = "An extension" if request.extend is not None else "A video"
        return f"{what} of {request.duration_s} s cannot be made; possible are {listed} s."
    if request.aspect is Aspect.SQUARE:
        return "A video is portrait or landscape, never square."
    if request.n != 1:
        return "One request makes one video; send several requests for variants."
    if len(request.inputs) > 1:
        return "A video starts from one reference picture at most."
    return None


def _of_legacy_video(request: GenerationRequest) -> str | None:
    extras = (request.hd, request.pro, request.storyboard, request.style)
    if any(extras):
        return "First-generation videos know no hd, pro, storyboard or style."
    return _of_first_generation(request, "First-generation videos")


def _of_first_generation(request: GenerationRequest, what: str) -> str | None:
    if request.remix is not None or request.remix_post is not None or request.extend is not None:
        return f"{what} cannot be made from a finished video: remix and extension need a Sora 2 video model."
    if request.character is not None or request.keeps_character is not None or request.mentions:
        return f"{what} know no characters: they need a Sora 2 video model."
    return None


def _of_video(request: GenerationRequest) -> str | None:
    sources = (request.remix, request.remix_post, request.extend)
    if sum(source is not None for source in sources) > 1:
        return "A video is a remix of one video or the extension of one, not several of these at once."
    characters = len(set(request.mentions)) + (request.character is not None)
    if characters > _MOST_CHARACTERS:
        return f"A video shows {_MOST_CHARACTERS} characters at most, not {characters}."
    if request.extend is not None:
        return _of_extension(request)
    if request.hd and request.duration_s == 25:
        return "HD videos last at most 15 s."
    if not request.storyboard:
        return None
    if request.source is not None or request.remix_post is not None:
        return "A storyboard cannot be a remix; describe the whole video in the prompt."
    return storyboard.fault(request.prompt, request.duration_s or 0)


def _of_extension(request: GenerationRequest) -> str | None:
    # hd and pro are those of its video: the call cannot say them, and the facade asks for no others.
    given = {
        "style": request.style,
        "storyboard": request.storyboard,
        "reference pictures": request.inputs,
    }
    names = ", ".join(name for name, value in given.items() if value)
    if not names:
        return None
    return f"An extension goes on in the look of its video and takes only a prompt and seconds, not: {names}."
