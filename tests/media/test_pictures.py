"""Pictures are judged by their content, decoded whole, and encoded without surprises."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.media import pictures
from tests.media.samples import picture, short_id

RED, WHITE = (255, 0, 0), (255, 255, 255)


def saved(image: Image.Image, format_name: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format_name, **options)
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width_px: int, height_px: int) -> bytes:
    """Return a PNG that announces a size and has almost nothing to show for it."""
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def rotated(format_name: str = "JPEG", orientation: int = 6) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.new("RGB", (80, 40), "white")
    image.paste("red", (0, 0, 20, 20))  # the top left corner as stored
    return saved(image, format_name, exif=exif)


ANIMATION = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        (picture("PNG"), ("image/png", 64, 48)),
        (picture("JPEG"), ("image/jpeg", 64, 48)),
        (picture("WEBP"), ("image/webp", 64, 48)),
        (picture("WEBP", lossless=True), ("image/webp", 64, 48)),
        (picture("JPEG", mode="CMYK"), ("image/jpeg", 64, 48)),
        (picture("JPEG", mode="L"), ("image/jpeg", 64, 48)),
        (picture("JPEG", progressive=True), ("image/jpeg", 64, 48)),
        (picture("PNG", mode="1"), ("image/png", 64, 48)),
        (picture("PNG", mode="P"), ("image/png", 64, 48)),
        (picture("PNG", mode="LA"), ("image/png", 64, 48)),
        (saved(Image.new("I;16", (64, 48), 40_000), "PNG"), ("image/png", 64, 48)),
        (rotated(), ("image/jpeg", 40, 80)),
        (rotated(orientation=3), ("image/jpeg", 80, 40)),
        (rotated("WEBP"), ("image/webp", 40, 80)),
        (
            saved(ANIMATION[0], "MPO", save_all=True, append_images=ANIMATION[1:]),
            ("image/jpeg", 20, 20),
        ),
        (picture("PNG", (1, 1)), ("image/png", 1, 1)),
    ],
    ids=short_id,
)
def test_pictures_that_are_right(data: bytes, facts: tuple[str, int, int]) -> None:
    """Type by content, size as shown; a phone's JPEG with a preview in it is a JPEG."""
    probed = pictures.probe(data)
    assert (probed.media_type, probed.width_px, probed.height_px) == facts
    assert probed.duration_s is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "an empty file"),
        (b"this is text called cat.png", "text"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "text"),
        (b"<!doctype html><title>Sign in \xe2\x80\xa6</title>", "text"),
        (picture("GIF", mode="P"), "a GIF"),
        (picture("BMP"), "a BMP"),
        (picture("TIFF"), "a TIFF"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF"),
        (b"\0\0\0\x20ftypisom" + bytes(40), "an mp4 video"),
        (b"\0\0\0\x20ftypavif" + bytes(40), "an AVIF"),
        (b"\0\0\0\x20ftypheic" + bytes(40), "a HEIC"),
        (bytes(100), "something else"),
        (picture("PNG")[:200], "PNG picture is damaged"),
        (picture("PNG")[:-30], "PNG picture is damaged"),
        (b"\x89PNG\r\n\x1a\n", "PNG picture is damaged"),
        (picture("JPEG")[:-400], "JPEG picture is damaged"),
        (b"\xff\xd8\xff" + b"not really", "JPEG picture is damaged"),
        (picture("WEBP")[:-100], "WEBP picture is damaged"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "WEBP picture is damaged"),
        (png_header(30_000, 30_000), "too many pixels"),
        (png_header(12_000, 12_000), "too many pixels"),  # where Pillow only warns
        (png_header(8_000, 8_000), r"\(8000x8000\) has too many pixels; at most 50,000,000"),
        (png_header(2**31 - 1, 2**31 - 1), "too many pixels"),
        (saved(ANIMATION[0], "PNG", save_all=True, append_images=ANIMATION[1:]), "animated"),
        (saved(ANIMATION[0], "WEBP", save_all=True, append_images=ANIMATION[1:]), "animated"),
    ],
    ids=short_id,
)
def test_pictures_that_are_refused(data: bytes, words: str) -> None:
    """Everything else is an invalid_request that says what it is and which types are right."""
    with pytest.raises(GatewayError, match=words) as raised:
        pictures.probe(data)
    assert raised.value.kind is ErrorKind.INVALID_REQUEST
    if words.startswith(("a", "text", "something")) and words != "animated":
        assert "PNG, JPEG or WebP" in raised.value.message


SAMPLES = [picture(name, (16, 16)) for name in ("PNG", "JPEG", "WEBP")] + [
    rotated(),
    picture("PNG", mode="P"),
]


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, about EXIF that it skips
@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=8),
    st.integers(0, 5000),
)
def test_damage_never_is_another_error(data: bytes, changes: list[tuple[int, int]], length: int) -> None:
    """Whatever bytes change or are missing, the picture opens or is refused with a GatewayError."""
    broken = bytearray(data)
    for place, value in changes:
        broken[place % len(broken)] = value
    with suppress(GatewayError):
        pictures.probe(bytes(broken[: length or None]), max_pixels=100_000)


@pytest.mark.parametrize("encoding", ["png", "jpeg", "webp"])
def test_the_same_encoding_passes_through(tmp_path: Path, encoding: str) -> None:
    """A picture that has the wanted encoding is returned byte for byte."""
    path = tmp_path / "picture"
    data = picture(encoding.upper())
    path.write_bytes(data)
    assert pictures.encode(path, encoding) == data


@pytest.mark.parametrize("encoding", ["png", "jpeg", "webp"])
@pytest.mark.parametrize(
    ("image", "format_name", "colour"),
    [
        (Image.new("CMYK", (32, 32), (0, 255, 255, 0)), "JPEG", RED),
        (Image.new("L", (32, 32), 100), "JPEG", (100, 100, 100)),
        (Image.new("I;16", (32, 32), 40_000), "PNG", (156, 156, 156)),
        (Image.new("1", (32, 32), 1), "PNG", WHITE),
        (Image.new("P", (32, 32), 0), "PNG", (0, 0, 0)),
        (Image.new("RGB", (32, 32), "red"), "PNG", RED),
        (Image.new("RGB", (32, 32), "red"), "WEBP", RED),
        (Image.new("RGBA", (32, 32), (255, 0, 0, 128)), "WEBP", (255, 127, 127)),
        (Image.new("LA", (32, 32), (0, 0)), "PNG", WHITE),
    ],
    ids=short_id,
)
def test_colours_survive(
    tmp_path: Path, image: Image.Image, format_name: str, colour: tuple[int, int, int], encoding: str
) -> None:
    """Every colour model arrives as the colour it was; on white where something is transparent."""
    path = tmp_path / "picture"
    path.write_bytes(saved(image, format_name))
    with Image.open(io.BytesIO(pictures.encode(path, encoding))) as out:
        assert out.format == encoding.upper()
        if encoding.upper() == format_name:
            return
        shown = out.convert("RGBA")
        flat = Image.alpha_composite(Image.new("RGBA", out.size, "white"), shown).getpixel((16, 16))
    assert isinstance(flat, tuple)
    assert all(abs(a - b) <= 4 for a, b in zip(flat, colour, strict=False)), flat


def test_a_palette_with_transparency_to_jpeg(tmp_path: Path) -> None:
    """The transparent colour of a palette becomes white, the others stay."""
    image = Image.new("P", (64, 32), 0)
    image.putpalette([0, 0, 255, 255, 0, 0])
    image.paste(1, (32, 0, 64, 32))
    path = tmp_path / "picture"
    path.write_bytes(saved(image, "PNG", transparency=0))
    with Image.open(io.BytesIO(pictures.encode(path, "jpeg"))) as out:
        left, right = out.getpixel((8, 16)), out.getpixel((56, 16))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert min(left) > 245
    assert right[0] > 245
    assert max(right[1:]) < 10


@pytest.mark.parametrize(
    ("orientation", "corner"),
    [(1, "tl"), (2, "tr"), (3, "br"), (4, "bl"), (5, "tl"), (6, "tr"), (7, "br"), (8, "bl")],
)
def test_turned_upright(tmp_path: Path, orientation: int, corner: str) -> None:
    """What a camera held sideways took stands upright after encoding, and says so no more."""
    path = tmp_path / "picture"
    path.write_bytes(rotated(orientation=orientation))
    with Image.open(io.BytesIO(pictures.encode(path, "png"))) as out:
        assert out.size == ((40, 80) if orientation >= 5 else (80, 40))
        assert out.getexif().get(0x0112, 1) == 1
        x_px = 5 if "l" in corner else out.width - 5
        y_px = 5 if "t" in corner else out.height - 5
        pixel = out.convert("RGB").getpixel((x_px, y_px))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 200
    assert pixel[1] < 60


def test_the_colour_profile_is_kept(tmp_path: Path) -> None:
    """A picture in a wide colour space keeps its profile, so its colours do not fade."""
    path = tmp_path / "picture"
    path.write_bytes(saved(Image.new("RGB", (8, 8)), "PNG", icc_profile=b"profile" * 30))
    with Image.open(io.BytesIO(pictures.encode(path, "jpeg"))) as out:
        assert out.info["icc_profile"] == b"profile" * 30


def test_encodings_that_do_not_work(tmp_path: Path) -> None:
    """An unknown encoding, damage, and a size that WebP cannot hold are said."""
    path = tmp_path / "picture"
    path.write_bytes(picture("PNG", (20_000, 2)))
    with pytest.raises(GatewayError, match="png, jpeg or webp") as unknown:
        pictures.encode(path, "gif")
    with pytest.raises(GatewayError, match="cannot be written as WEBP") as too_wide:
        pictures.encode(path, "webp")
    path.write_bytes(picture("PNG")[:300])
    with pytest.raises(GatewayError, match="damaged") as damaged:
        pictures.encode(path, "webp")
    assert unknown.value.kind is ErrorKind.INVALID_REQUEST
    assert too_wide.value.kind is damaged.value.kind is ErrorKind.GENERATION_FAILED


@pytest.mark.parametrize(
    ("size", "small"), [((1280, 720), (640, 360)), ((720, 1280), (360, 640)), ((64, 48), (64, 48))]
)
def test_thumbnail(tmp_path: Path, size: tuple[int, int], small: tuple[int, int]) -> None:
    """The longest side is at most what was asked, and nothing is made larger."""
    path = tmp_path / "picture"
    path.write_bytes(picture("JPEG", size))
    with Image.open(io.BytesIO(pictures.thumbnail_of_file(path, 640))) as out:
        assert (out.format, out.size) == ("WEBP", small)
