"""Read requests of the Videos API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import Variant
from sora_gateway.domain.parameters import Resolved, merge_sources, resolve_video
from sora_gateway.domain.starts import Start, find_start
from sora_gateway.domain.values import boolean, show
from sora_gateway.surfaces.openai.intake import Draft
from sora_gateway.surfaces.openai.references import Reference, references, without
from sora_gateway.web.forms import Form

_REFERENCES = ("input_reference", "image")
_FRAMES = "frame_images"
_VARIANTS = (Variant.VIDEO, Variant.THUMBNAIL, Variant.SPRITESHEET)
_SHAPES = {"16:9": "1280x720", "9:16": "720x1280"}
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)

UNKNOWN_EVENT = -1


def translate_create(form: Form) -> Draft:
    """Return what a request to make a video asks for.

    ``aspect_ratio`` and ``frame_images`` are taken as other clients' words for the size and the picture.

    Raises:
        GatewayError(invalid_request): one of these is not usable.
    """
    names = (*_REFERENCES, _FRAMES)
    _check_frames(form.fields.get(_FRAMES))
    fields, resolve = merge_sources(without(form.fields, names), form.query), resolve_video
    ratio = fields.pop("aspect_ratio", None)
    if ratio not in (None, ""):
        fields, resolve = _with_ratio(fields, ratio), _resolve_shaped
    return Draft(fields=fields, references=references(form, names), resolve=resolve)


def _check_frames(frames: Any) -> None:
    for frame in frames if isinstance(frames, list) else [frames]:
        kind = frame.get("frame_type", "first_frame") if isinstance(frame, dict) else "first_frame"
        if kind != "first_frame":
            message = f"'{_FRAMES}' has a picture of the type {show(kind)}; a video takes a first_frame only."
            raise GatewayError(ErrorKind.UNSUPPORTED, message, param=_FRAMES)


def _with_ratio(fields: Mapping[str, Any], ratio: Any) -> dict[str, Any]:
    shape = _SHAPES.get(ratio.strip()) if isinstance(ratio, str) else None
    if shape is None:
        raise _refused(
            "aspect_ratio", f"'aspect_ratio' is {show(ratio)}; {' and '.join(_SHAPES)} are allowed."
        )
    size = fields.get("size")
    if size in (None, ""):
        return {**fields, "size": shape}
    sides = re.fullmatch(r"\s*(\d{1,6})\s*[xX]\s*(\d{1,6})\s*", str(size), re.ASCII)
    if sides is not None and (int(sides[1]) > int(sides[2])) != (ratio.strip() == "16:9"):
        message = f"'aspect_ratio' is {show(ratio)} and 'size' is {show(size)}: they contradict each other."
        raise _refused("aspect_ratio", message)
    return dict(fields)


def _resolve_shaped(fields: Mapping[str, Any], **how: Any) -> Resolved:
    """Resolve a video whose size stands for an aspect ratio, and say so if it is refused."""
    try:
        return resolve_video(fields, **how)
    except GatewayError as error:
        if error.param != "size" or fields.get("size") not in _SHAPES.values():
            raise
        message = f"{error.message} (The size is that of 'aspect_ratio'.)"
        raise GatewayError(error.kind, message, param="aspect_ratio", code=error.code) from error


def translate_remix(form: Form, video_id: str) -> Draft:
    """Return what a request to change the video ``video_id`` asks for; it may be a shared one."""
    found = find_start(video_id, param="video_id")
    if found is not None and found[0].post_id == video_id:
        return _changing(form, found[0], ())
    return _changing(form, Start(param="video_id", job_id=video_id), ())


def translate_edit(form: Form) -> Draft:
    """Return what a request to change the video of the field ``video`` asks for.

    Raises:
        GatewayError(invalid_request): no video is named.
        GatewayError(unsupported): it is none of this server.
    """
    return _changing(form, _named(form, is_extended=False), ("video",))


def translate_extension(form: Form) -> Draft:
    """Return what a request to carry a video on asks for.

    Raises:
        GatewayError: as ``translate_edit``.
        GatewayError(invalid_request): it comes with a picture.
    """
    draft = _changing(form, _named(form, is_extended=True), ("video",))
    if draft.references:
        param = draft.references[0].param
        raise _refused(
            param, f"'{param}' is given, but an extension begins where its video ends: leave it out."
        )
    return draft


def _changing(form: Form, start: Start, others: tuple[str, ...]) -> Draft:
    pictures: tuple[Reference, ...] = references(form, _REFERENCES)
    fields = merge_sources(without(form.fields, (*_REFERENCES, *others)), form.query)
    return Draft(fields=fields, references=pictures, resolve=resolve_video, start=start)


def _named(form: Form, *, is_extended: bool) -> Start:
    if "video" in form.files:
        raise _foreign("an uploaded file")
    value = form.fields.get("video")
    if value in (None, ""):
        value = form.query.get("video")
    match value:
        case {"id": str(text)} if text.strip():
            return _start(text.strip(), is_extended)
        case str(text) if text.strip():
            return _start(text.strip(), is_extended, is_free=True)
        case None | "":
            raise _refused("video", '\'video\' is missing: name one of your videos, as {"id": "video_..."}.')
        case _:
            raise _refused("video", f'\'video\' is {show(value)}; name a video as {{"id": "video_..."}}.')


def _start(text: str, is_extended: bool, *, is_free: bool = False) -> Start:
    """Return the video that an id or, if ``is_free``, also a link names."""
    found = find_start(text, param="video")
    if found is not None and not found[1]:
        start = found[0]
        return Start(param="video", job_id=start.job_id, post_id=start.post_id, extends=is_extended)
    if is_free and not re.fullmatch(r"[\w-]{1,100}", text, re.ASCII):
        raise _foreign("a link or data")
    return Start(param="video", job_id=text, extends=is_extended)


def _foreign(what: str) -> GatewayError:
    message = (
        f"'video' is {what}; only videos that were made here can be changed or extended: name one as "
        '{"id": "video_..."}. As the first picture of a new video an image can be sent.'
    )
    return GatewayError(ErrorKind.UNSUPPORTED, message, param="video")


def translate_variant(query: Mapping[str, str]) -> Variant:
    """Return which file of a job is wanted.

    Raises:
        GatewayError(invalid_request): a video has no such variant.
    """
    name = query.get("variant", Variant.VIDEO.value)
    if name not in _VARIANTS:
        raise _refused("variant", f"'variant' is '{name[:80]}'; {', '.join(_VARIANTS)} are allowed.")
    return Variant(name)


def translate_detail(query: Mapping[str, str]) -> bool:
    """Tell whether the job is wanted with how it went.

    Raises:
        GatewayError(invalid_request): ``detail`` is neither true nor false.
    """
    given = query.get("detail", "")
    is_wanted = boolean(given) if given else False
    if is_wanted is None:
        raise _refused("detail", f"'detail' is {show(given)}; true and false are allowed.")
    return is_wanted


def translate_last_event(headers: Mapping[str, str], query: Mapping[str, str]) -> int | None:
    """Return the last event that a watcher saw, None for one who begins; unreadable is ``UNKNOWN_EVENT``."""
    given = headers.get("last-event-id") or query.get("last_event_id")
    if not given:
        return None
    return int(given) if _WHOLE.fullmatch(given) else UNKNOWN_EVENT


def _refused(param: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
