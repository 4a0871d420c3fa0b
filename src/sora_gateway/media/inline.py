"""Decode media that a caller writes into a field: data URLs and bare base64."""

from __future__ import annotations

import base64
import binascii
import io
import re
from contextlib import suppress
from urllib.parse import unquote_to_bytes

from sora_gateway.domain.errors import ErrorKind, GatewayError

LIMIT_BYTES = 50 * 1024 * 1024
"""How long inline media may be unless the caller of ``decode_inline`` says otherwise."""

_DATA_URL = re.compile(r"\s*data:([^,]{0,512}),", re.IGNORECASE)
_IS_DATA_URL = re.compile(r"\s*data:", re.IGNORECASE)
_BASE64_FLAG = re.compile(r";\s*base64\s*$", re.IGNORECASE)
_STANDARD = str.maketrans("-_", "+/")
_HEAD_CHARS = 64
_PIECE_CHARS = 256 * 1024
_MAGIC = re.compile(
    rb"\x89PNG\r\n\x1a\n"
    rb"|\xff\xd8\xff"  # JPEG
    rb"|RIFF.{4}WEBP"
    rb"|GIF8[79]a"
    rb"|.{4}ftyp"  # mp4, mov, and AVIF and HEIC pictures
    rb"|\x1a\x45\xdf\xa3"  # WebM, Matroska
    rb"|BM.{4}\x00\x00\x00\x00|II\*\x00|MM\x00\*",  # BMP, TIFF
    re.DOTALL,
)


def decode_inline(text: str, *, limit_bytes: int = LIMIT_BYTES, param: str | None = None) -> bytes | None:
    """Return the bytes that ``text`` carries, None if it is something else (a URL, an id, a word).

    A data URL is taken at its word, whatever it carries, because its own media type counts for nothing.
    Bare base64 counts only if it begins like a picture or a video. Both alphabets, missing padding and
    white space are tolerated. Nothing is decoded before its length is known. Some 0.1 s for 50 MB: call it
    in a thread when the text is long.

    Raises:
        GatewayError(invalid_request): a broken or empty data URL, base64 of a picture with a mistake in
            it, or more than ``limit_bytes``.
    """
    if _IS_DATA_URL.match(text):
        return _from_data_url(text, limit_bytes, param)
    if not _begins_like_media(text):
        return None
    return _from_base64(text, 0, limit_bytes, param, "The base64 text")


def looks_like_media(data: bytes) -> bool:
    """Tell whether ``data`` begins like a picture or a video of a known type."""
    return _MAGIC.match(data) is not None


def _from_data_url(text: str, limit_bytes: int, param: str | None) -> bytes:
    match = _DATA_URL.match(text)
    if match is None:
        raise _refused(
            "The data URL has no comma between its header and its data;"
            " it should look like data:image/png;base64,iVBORw0KGgo...",
            param,
        )
    start = match.end()
    if _BASE64_FLAG.search(match[1]):
        if text.find("%", start) >= 0:
            # %2B%3D...: at worst three characters for one
            _check_size((len(text) - start) // 4, limit_bytes, param)
            text, start = unquote_to_bytes(text[start:]).decode("ascii", errors="replace"), 0
        return _not_empty(_from_base64(text, start, limit_bytes, param, "The data URL"), param)
    body = text[start:]
    _check_size(len(body) - 2 * body.count("%"), limit_bytes, param)
    return _not_empty(unquote_to_bytes(body), param)


def _from_base64(text: str, start: int, limit_bytes: int, param: str | None, what: str) -> bytes:
    length = _decoded_length(len(text) - start)
    _check_size(length, 2 * limit_bytes, param)  # before anything is counted or copied
    if length <= limit_bytes:
        with suppress(ValueError):
            return _as_most_write_it(text, start)
    packed = "".join(text[start:].split()).translate(_STANDARD).rstrip("=")
    _check_size(_decoded_length(len(packed)), limit_bytes, param)
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refused(
            f"{what} is not valid base64: it is cut off or has characters that do not belong in it."
            " Send the whole file in base64 (A-Z a-z 0-9 + /, or - _ in their place).",
            param,
        ) from error


def _as_most_write_it(text: str, start: int) -> bytes:
    """Decode a text without white space that is padded; of a long one nothing is copied but the result.

    Raises:
        ValueError: it is not such a text.
    """
    found = io.BytesIO()
    for at in range(start, len(text), _PIECE_CHARS):
        piece = text[at : at + _PIECE_CHARS]
        if piece.endswith("=") and at + _PIECE_CHARS < len(text):
            raise ValueError("padding in the middle")
        found.write(binascii.a2b_base64(piece, strict_mode=True))
    return found.getvalue()


def _begins_like_media(text: str) -> bool:
    head = "".join(text[: 4 * _HEAD_CHARS].split()).translate(_STANDARD)[:_HEAD_CHARS].rstrip("=")
    if len(head) < 22:  # 16 bytes; the smallest whole picture has more
        return False
    try:
        return looks_like_media(base64.b64decode(head[: len(head) // 4 * 4], validate=True))
    except (binascii.Error, ValueError):
        return False


def _decoded_length(chars: int) -> int:
    return chars * 3 // 4


def _check_size(size_bytes: int, limit_bytes: int, param: str | None) -> None:
    if size_bytes > limit_bytes:
        raise _refused(
            f"The inline data is larger than the {limit_bytes:,} bytes that are allowed;"
            " send a smaller file, or upload it as a file.",
            param,
        )


def _not_empty(data: bytes, param: str | None) -> bytes:
    if not data:
        raise _refused("The data URL is empty; put the file's bytes behind the comma.", param)
    return data


def _refused(message: str, param: str | None) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_REQUEST, message, param=param)
