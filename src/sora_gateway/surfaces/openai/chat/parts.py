"""Read the parts of a message: texts, pictures, videos."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.starts import Start
from sora_gateway.surfaces.openai.references import MAX_REFERENCES, FileId, Reference
from sora_gateway.web.conversation import video_at

PARAM = "messages"

_USABLE = (
    '{"type": "text", "text": "..."}, {"type": "image_url", "image_url": {"url": "..."}}, '
    '{"type": "video_url", "video_url": {"url": "..."}} and '
    '{"type": "file", "file": {"file_data": "..."}} (or "file_id") can'
)
_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
"""How MP4 and QuickTime files begin, after four bytes of length."""

_WEBM = b"\x1a\x45\xdf\xa3"
_PICTURE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a message holds. ``clip`` is a video to make a character of, ``start`` one to change."""

    texts: tuple[str, ...]
    pictures: tuple[Reference, ...] = ()
    clip: str | None = None
    start: Start | None = None


@dataclass(frozen=True, slots=True)
class _Text:
    text: str


@dataclass(frozen=True, slots=True)
class _Clip:
    source: str


_Part = _Text | _Clip | Start | Reference
_Video = TypeVar("_Video", _Clip, Start)


def read_parts(content: Any) -> Wish:
    """Return what the content of a message holds: a text, or a list of parts.

    Raises:
        GatewayError(invalid_request): another shape, a part that cannot be used, too many pictures, or two
            videos for one purpose.
    """
    if isinstance(content, str):
        return Wish(texts=(content,))
    if not isinstance(content, list):
        raise _refused("The content of the last user message must be a text or a list of parts.")
    parts = [_read(part) for part in content]
    pictures = tuple(part for part in parts if isinstance(part, Reference))
    if len(pictures) > MAX_REFERENCES:
        raise _refused(f"{len(pictures)} pictures were sent; at most {MAX_REFERENCES} are allowed.")
    clip = _one([part for part in parts if isinstance(part, _Clip)], "videos to make a character of")
    return Wish(
        texts=tuple(part.text for part in parts if isinstance(part, _Text)),
        pictures=pictures,
        clip=clip.source if clip is not None else None,
        start=_one([part for part in parts if isinstance(part, Start)], "videos to change"),
    )


def texts_of(content: Any) -> Iterator[str]:
    """Yield every text and address in the content of a message, whatever its shape; nothing is refused."""
    for part in content if isinstance(content, list) else [content]:
        match part:
            case str(text) | {"text": str(text)} | {"image_url": {"url": str(text)} | str(text)}:
                yield text
            case {"video_url": {"url": str(text)} | str(text)}:
                yield text
            case _:
                pass


def _one(found: Sequence[_Video], what: str) -> _Video | None:
    if len(set(found)) > 1:
        raise _refused(f"{len(found)} {what} were sent; one is allowed.")
    return found[0] if found else None


def _read(part: Any) -> _Part:
    match part:
        case {"type": "text" | "input_text", "text": str(text)} | str(text):
            return _Text(text)
        case {"type": "image_url" | "input_image", "image_url": {"url": str(url)} | str(url)} if url:
            return Reference(param=PARAM, source=url)
        case {"type": "video_url", "video_url": {"url": str(url)} | str(url)} if url:
            return video_at(url, param=PARAM) or _Clip(url)
        case {"type": "file", "file": dict(file)}:
            return _file(file)
        case {"type": str(kind)}:
            raise _refused(
                f"A part of the type '{kind[:40]}' cannot be used here, or is incomplete; {_USABLE}."
            )
        case _:
            raise _refused("Each part of a message's content must be an object with a 'type'.")


def _file(file: dict[str, Any]) -> _Part:
    match file:
        case {"file_data": str(data)} if data.strip():
            return _Clip(data) if _is_video(data) else Reference(param=PARAM, source=data)
        case {"file_id": str(file_id)} if file_id:
            return video_at(file_id, param=PARAM) or Reference(param=PARAM, source=FileId(file_id))
        case _:
            raise _refused("A part of the type 'file' needs its content as 'file_data', or a 'file_id'.")


def _is_video(data: str) -> bool:
    """Tell a clip from a picture by how its bytes begin; a stated type and a name count for nothing."""
    text = data.strip()
    if text[:5].lower() == "data:":
        head, _, text = text.partition(",")
        if not head.lower().endswith(";base64"):
            return False
    try:
        start = base64.b64decode("".join(text[:64].split())[:32], validate=False)
    except (binascii.Error, ValueError):
        return False
    is_iso = start[4:8] in _BOXES and start[8:12] not in _PICTURE_BRANDS
    return is_iso or start.startswith(_WEBM)


def _refused(message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=PARAM)
