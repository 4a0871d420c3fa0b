"""Open, check and encode still pictures with Pillow. Blocking: ``derive`` runs these in threads."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from PIL import Image

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.ports.media import MediaFacts

MAX_PIXELS = 50_000_000
"""More than any camera's reference picture needs; decoded it takes 200 MB."""

_ORIENTATION = 0x0112
_ON_THEIR_SIDE = frozenset({5, 6, 7, 8})
_MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
_FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}
_SAVE_OPTIONS: dict[str, dict[str, object]] = {
    "PNG": {"compress_level": 6},
    "JPEG": {"quality": 92},
    "WEBP": {"quality": 90, "method": 4},
}
_OTHER_TYPES = (
    (b"GIF8", "a GIF"),
    (b"%PDF", "a PDF"),
    (b"BM", "a BMP picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"\x1a\x45\xdf\xa3", "a WebM or Matroska video"),
)
_BRANDS = {
    b"avif": "an AVIF picture",
    b"avis": "an AVIF picture",
    b"heic": "a HEIC picture",
    b"heix": "a HEIC picture",
    b"mif1": "a HEIF picture",
}
# What Pillow's parsers raise on damaged data (found by fuzzing; UnidentifiedImageError is an OSError).
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
)


def format_of(head: bytes) -> str | None:
    """Return Pillow's name of the picture type that ``head`` begins, None if it is none of the three."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    return None


def describe(head: bytes) -> str:
    """Say in words what ``head`` looks like the beginning of."""
    if not head:
        return "an empty file"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "an mp4 video")
    for magic, name in _OTHER_TYPES:
        if head.startswith(magic):
            return name
    text = head[:64]
    if text.lstrip()[:1] in (b"<", b"{", b"[") or all(32 <= byte < 127 or byte in b"\r\n\t" for byte in text):
        return "text"
    return "something else"


def probe(data: bytes, *, max_pixels: int = MAX_PIXELS) -> MediaFacts:
    """Decode a caller's picture whole and return its facts; the size is the one it is shown in (EXIF).

    Raises:
        GatewayError(invalid_request): not a PNG, JPEG or WebP picture, damaged, animated, too many pixels.
    """
    return _probed(io.BytesIO(data), data[:64], max_pixels)


def probe_upload(path: Path, *, max_pixels: int = MAX_PIXELS) -> MediaFacts:
    """The same for a caller's picture that lies on disk."""
    with path.open("rb") as file:
        head = file.read(64)
        file.seek(0)
        return _probed(file, head, max_pixels)


def _probed(file: IO[bytes], head: bytes, max_pixels: int) -> MediaFacts:
    kind = ErrorKind.INVALID_REQUEST
    with _opened(file, head, kind, max_pixels) as image:
        # A JPEG with more pictures in it (MPO, the previews that phones add) still is one picture.
        if image.format in ("PNG", "WEBP") and getattr(image, "is_animated", False):
            raise GatewayError(
                kind,
                "The picture is animated. Send a still PNG, JPEG or WebP picture, such as its first frame.",
            )
        return _facts(image)


def probe_result(path: Path, *, max_pixels: int = MAX_PIXELS) -> MediaFacts:
    """The same for a picture that a backend made.

    Raises:
        GatewayError(generation_failed): it cannot be decoded.
    """
    with _opened_file(path, max_pixels) as image:
        return _facts(image)


def thumbnail(image: Image.Image, longest_px: int) -> bytes:
    """Return ``image`` as a WebP picture whose longest side is at most ``longest_px``."""
    small = _upright(image)
    small.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS)
    return _saved(small, "WEBP", {"quality": 80, "method": 4})


def thumbnail_of_file(path: Path, longest_px: int, *, max_pixels: int = MAX_PIXELS) -> bytes:
    """Return the picture at ``path`` as such a WebP picture."""
    with _opened_file(path, max_pixels) as image:
        return thumbnail(image, longest_px)


def encode(path: Path, encoding: str, *, max_pixels: int = MAX_PIXELS) -> bytes:
    """Return the picture at ``path`` as ``png``, ``jpeg`` or ``webp``.

    A picture that has this encoding already is returned byte for byte. Otherwise it is turned upright,
    converted to 8 bits of RGB or RGBA, and laid on white where JPEG would lose its transparency.

    Raises:
        GatewayError(invalid_request): no such encoding.
        GatewayError(generation_failed): the picture cannot be decoded, or not be encoded like this.
    """
    wanted = _FORMATS.get(encoding)
    if wanted is None:
        raise GatewayError(
            ErrorKind.INVALID_REQUEST, f"{encoding!r} is not an encoding; it can be png, jpeg or webp."
        )
    with path.open("rb") as file:
        if format_of(file.read(64)) == wanted:
            file.seek(0)
            return file.read()
    with _opened_file(path, max_pixels) as image:
        picture = _upright(image)
        if wanted == "JPEG":
            picture = _on_white(picture)
        return _saved(picture, wanted, _SAVE_OPTIONS[wanted])


@contextmanager
def _opened_file(path: Path, max_pixels: int) -> Iterator[Image.Image]:
    with path.open("rb") as file:
        head = file.read(64)
        file.seek(0)
        with _opened(file, head, ErrorKind.GENERATION_FAILED, max_pixels) as image:
            yield image


@contextmanager
def _opened(file: IO[bytes], head: bytes, kind: ErrorKind, max_pixels: int) -> Iterator[Image.Image]:
    """Open and decode a picture whole; only the parser that the first bytes ask for is let near it."""
    name = format_of(head)
    if name is None:
        raise GatewayError(
            kind, f"The file is not a PNG, JPEG or WebP picture: its content looks like {describe(head)}."
        )
    formats = ["JPEG", "MPO"] if name == "JPEG" else [name]
    try:
        image = Image.open(file, formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(kind, max_pixels) from error
    except _DAMAGE as error:
        raise _damaged(kind, name) from error
    with image:
        if image.width * image.height > max_pixels:
            raise _too_large(kind, max_pixels, image.size)
        try:
            image.load()
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise _too_large(kind, max_pixels) from error
        except _DAMAGE as error:
            raise _damaged(kind, name) from error
        yield image


def _facts(image: Image.Image) -> MediaFacts:
    width_px, height_px = image.size
    if _orientation(image) in _ON_THEIR_SIDE:
        width_px, height_px = height_px, width_px
    return MediaFacts(
        media_type=_MEDIA_TYPES.get(image.format or "", "image/jpeg"), width_px=width_px, height_px=height_px
    )


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except _DAMAGE:  # broken EXIF does not spoil a picture
        return 1
    return value if isinstance(value, int) else 1


def _upright(image: Image.Image) -> Image.Image:
    """Return a copy in 8 bits of RGB or RGBA, turned as its EXIF says."""
    if image.mode.startswith("I;16") or image.mode == "I":  # 16-bit grey: keep the upper byte
        eight_bits: Image.Image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    else:
        eight_bits = image
    is_transparent = eight_bits.has_transparency_data
    converted = eight_bits.convert("RGBA" if is_transparent else "RGB")
    profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") else None
    method = _TURNS.get(_orientation(image))
    turned = converted if method is None else converted.transpose(method)
    turned.info = {"icc_profile": profile} if profile else {}
    return turned


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    white = Image.new("RGBA", image.size, "white")
    flat = Image.alpha_composite(white, image).convert("RGB")
    flat.info = dict(image.info)
    return flat


def _saved(image: Image.Image, name: str, options: dict[str, object]) -> bytes:
    out = io.BytesIO()
    try:
        image.save(out, name, icc_profile=image.info.get("icc_profile"), **options)
    except (OSError, ValueError) as error:  # WebP ends at 16383 px, JPEG at 65500
        raise GatewayError(
            ErrorKind.GENERATION_FAILED,
            f"The picture ({image.width}x{image.height}) cannot be written as {name}; try another encoding.",
        ) from error
    return out.getvalue()


def _too_large(kind: ErrorKind, max_pixels: int, size: tuple[int, int] | None = None) -> GatewayError:
    measured = f" ({size[0]}x{size[1]})" if size else ""
    return GatewayError(
        kind, f"The picture{measured} has too many pixels; at most {max_pixels:,} are allowed. Scale it down."
    )


def _damaged(kind: ErrorKind, name: str) -> GatewayError:
    return GatewayError(
        kind, f"The {name} picture is damaged or cut off and cannot be decoded. Send it anew."
    )
