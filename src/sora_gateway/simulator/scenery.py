"""Draw the pictures that the simulator serves: gradient, prompt, arrow to the top, progress."""

import colorsys
import hashlib
import io
import itertools
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw, ImageOps

from sora_gateway.simulator.lettering import LINE_HEIGHT, Colour, cleaned, typeface
from sora_gateway.simulator.parts import Part, part_at

Box = tuple[int, int, int, int]

_WHITE: Colour = (255, 255, 255)
PANEL: Colour = (15, 17, 26)
TRACK: Colour = (46, 50, 66)
_GREY: Colour = (156, 162, 182)
LANE: Colour = (228, 232, 242)
_MIST: Colour = (214, 218, 230)

_LEAST_HEIGHT_OF_LANE = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A character that takes part: its name and an encoded picture of it."""

    name: str
    picture: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSpec:
    """What a video shows. ``first_frame`` is an encoded picture that fills the first second.

    Args:
        parts: texts that take the place of the prompt, one after the other.
        captions: small print, one line each.
        look: prompt and seed of another video whose colours it takes.
    """

    prompt: str
    seconds: int
    width_px: int
    height_px: int
    label: str = ""
    first_frame: bytes | None = None
    seed: int = 0
    watermark: bool = False
    parts: tuple[Part, ...] = ()
    guests: tuple[Guest, ...] = ()
    captions: tuple[str, ...] = ()
    look: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """What a picture shows. ``references`` are encoded pictures; the first one takes half of the area."""

    prompt: str
    width_px: int
    height_px: int
    seed: int = 0
    references: tuple[bytes, ...] = ()


def digest(prompt: str, seed: int) -> bytes:
    """Return 32 bytes that decide how the picture of a prompt looks and its video sounds."""
    return hashlib.sha256(f"{seed}:{prompt}".encode(errors="surrogatepass")).digest()


def spec_at(spec: VideoSpec, second: int) -> VideoSpec:
    """Return what ``second`` (from 0) shows, as the spec of a video without parts."""
    if not spec.parts:
        return spec
    part = part_at(spec.parts, second)
    captions = (part.note, *spec.captions) if part.note else spec.captions
    return replace(spec, prompt=part.prompt, parts=(), captions=captions)


def _look(spec: VideoSpec) -> tuple[str, int]:
    return spec.look or (spec.prompt, spec.seed)


def _shade(hue: float, lightness: float, saturation: float) -> Colour:
    red, green, blue = (value * 255 for value in colorsys.hls_to_rgb(hue % 1.0, lightness, saturation))
    return round(red), round(green), round(blue)


def _dimmed(colour: Colour, most: float) -> Colour:
    """Return ``colour``, darker if it is brighter to the eye than ``most`` (0 to 1)."""
    red, green, blue = colour
    scale = min(1.0, most * 255 / max(1.0, 0.299 * red + 0.587 * green + 0.114 * blue))
    return round(red * scale), round(green * scale), round(blue * scale)


def _gradient(prompt: str, seed: int, size: tuple[int, int]) -> Image.Image:
    """Return a soft gradient, light above and dark below, white letters readable on all of it."""
    salt = digest(prompt, seed)
    hue = salt[1] / 256
    seedling = Image.new("RGB", (3, 4))
    for row, column in itertools.product(range(4), range(3)):
        drift = (salt[2 + row * 3 + column] / 255 - 0.5) * 0.16
        shade = _shade(hue + drift + row * 0.03, 0.48 - 0.09 * row, 0.52)
        seedling.putpixel((column, row), _dimmed(shade, 0.46 - 0.07 * row))
    return seedling.resize(size, Image.Resampling.BICUBIC)


def _accent(prompt: str, seed: int) -> Colour:
    return _shade(digest(prompt, seed)[1] / 256 + 0.06, 0.74, 0.85)


def _unit(size: tuple[int, int]) -> float:
    return min(size) / 720


def _px(value: float, least: int = 1) -> int:
    return max(least, round(value))


def _orientation(width_px: int, height_px: int) -> str:
    name = "square" if width_px == height_px else "portrait" if height_px > width_px else "landscape"
    return f"{name} {width_px}x{height_px}"


def _panel_height(size: tuple[int, int]) -> int:
    """Return the even height of the panel at the bottom of a video."""
    rows = 64 + 110 * _unit(size) if size[1] >= _LEAST_HEIGHT_OF_LANE else size[1] / 4
    return _px(rows / 2) * 2


def lane_of(size: tuple[int, int]) -> Box | None:
    """Return where the lane of the second is: inside one row of macroblocks, below a free one."""
    width, height = size
    if height < _LEAST_HEIGHT_OF_LANE:
        return None
    margin = _px(44 * _unit(size) / 2) * 2
    top = (height // 16 - 2) * 16 + 4
    return margin, top, width - margin, top + min(8, _px(3 * _unit(size)) * 2)


def _picture(data: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(data)) as image:
            upright = ImageOps.exif_transpose(image)
            backed = Image.new("RGBA", upright.size, (255, 255, 255, 255))
            backed.alpha_composite(upright.convert("RGBA"))
            return backed.convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("the bytes are no picture that can be decoded") from error


def _cover(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return ImageOps.fit(image, size, Image.Resampling.BICUBIC)


def _tile(scene: Image.Image, image: Image.Image, box: Box) -> None:
    """Paste ``image`` into ``box`` with a thin white border."""
    left, top, right, bottom = box
    border = _px(4 * _unit(scene.size))
    size = (max(1, right - left), max(1, bottom - top))
    scene.paste(_WHITE, (left - border, top - border, left + size[0] + border, top + size[1] + border))
    scene.paste(_cover(image, size), (left, top))


def _write_prompt(scene: Image.Image, prompt: str, accent: Colour, box: Box) -> None:
    """Write the prompt into ``box``, in the middle of its height, as large as it may be."""
    face, unit = typeface(), _unit(scene.size)
    left, top, right, bottom = box
    text = face.spelled(cleaned(prompt)) or "(no prompt)"
    note = "" if face.has(text) else "shown by code point: no font has these characters"
    rule, gap = _px(6 * unit), _px(34 * unit)
    room = max(1, bottom - top - rule - gap - (_px(44 * unit) if note else 0))
    size, lines = face.fit(text, max(1, right - left), room, (_px(26 * unit), _px(84 * unit)))
    y = top + max(0.0, (bottom - top - rule - gap - len(lines) * size * LINE_HEIGHT) / 2)
    scene.paste(accent, (left, round(y), left + _px(72 * unit), round(y) + rule))
    y += rule + gap + size * 0.82
    for line in lines:
        face.draw(scene, (left, y), line, size, _WHITE)
        y += size * LINE_HEIGHT
    small = min(20 * unit, (right - left) / (face.advance_em(note) or 1.0))
    face.draw(scene, (left, y - size * 0.82 + 30 * unit), note, _px(small), _MIST)


def _mark_top(scene: Image.Image, height_px: int) -> None:
    """Draw corner marks around the upper ``height_px`` and an arrow that points to the top."""
    unit, width = _unit(scene.size), scene.width
    inset, length, thick = _px(24 * unit), _px(40 * unit), _px(3 * unit)
    for x, y in itertools.product((inset, width - inset), (inset, height_px - inset)):
        across = (x, x + length) if x == inset else (x - length, x)
        down = (y, y + length) if y == inset else (y - length, y)
        beam = y if y == inset else y - thick
        post = x if x == inset else x - thick
        scene.paste(_MIST, (across[0], beam, across[1], beam + thick))
        scene.paste(_MIST, (post, down[0], post + thick, down[1]))
    side = _px(40 * unit)
    arrow = Image.new("L", (side * 4, side * 4))
    pen = ImageDraw.Draw(arrow)
    pen.polygon([(side * 2, 0), (side * 4, side * 2.2), (0, side * 2.2)], fill=255)
    pen.rectangle((side * 1.4, side * 2, side * 2.6, side * 4), fill=255)
    scene.paste(_WHITE, ((width - side) // 2, inset), arrow.reduce(4))
    size = _px(18 * unit)
    start = (width - typeface().advance_em("TOP") * size) / 2
    typeface().draw(scene, (start, inset + side + 24 * unit), "TOP", size, _WHITE)


def _sign(scene: Image.Image, bottom_px: int) -> None:
    """Draw the word mark into the lower right corner above ``bottom_px``."""
    unit, size = _unit(scene.size), _px(34 * _unit(scene.size))
    x = scene.width - 56 * unit - typeface().advance_em("Sora") * size
    y = bottom_px - 56 * unit
    for shift, colour in ((_px(2 * unit), PANEL), (0, _WHITE)):
        typeface().draw(scene, (x + shift, y + shift), "Sora", size, colour)


def _seat(scene: Image.Image, guests: tuple[Guest, ...], area: Box) -> int:
    """Draw a chip for each guest, in as many rows as they need; return where the room below begins."""
    face, unit = typeface(), _unit(scene.size)
    side, gap, size = _px(64 * unit), _px(14 * unit), _px(28 * unit)
    left, top, right, _ = area
    x = left
    for guest in guests:
        name = face.spelled(cleaned(f"@{guest.name}"))
        width = side + round(face.advance_em(name) * size) + 2 * gap
        if x > left and x + width > right:
            x, top = left, top + side + gap
        scene.paste(PANEL, (x, top, x + width, top + side))
        scene.paste(_cover(_picture(guest.picture), (side, side)), (x, top))
        face.draw(scene, (x + side + gap, top + (side + size * 0.7) / 2), name, size, _WHITE)
        x += width + gap
    return top + side + 2 * gap


def _write_captions(scene: Image.Image, captions: tuple[str, ...], area: Box) -> int:
    """Write the small print from the bottom of ``area`` upwards; return where the room above ends."""
    face, size = typeface(), _px(24 * _unit(scene.size))
    left, _, right, bottom = area
    for caption in reversed(captions):
        _, lines = face.fit(face.spelled(cleaned(caption)), max(1, right - left), 1, (size, size))
        face.draw(scene, (left, bottom), "".join(lines), size, _MIST)
        bottom -= _px(size * LINE_HEIGHT)
    return bottom


def scene_of(spec: VideoSpec) -> Image.Image:
    """Return the picture behind the panel: gradient, arrow, guests, prompt, inset of the first frame."""
    size = (spec.width_px, spec.height_px)
    unit, height = _unit(size), spec.height_px - _panel_height(size)
    scene = _gradient(*_look(spec), size)
    _mark_top(scene, height)
    left = _px(56 * unit)
    top, right = _px(120 * unit), spec.width_px - left
    bottom = height - _px((108 if spec.watermark else 60) * unit)
    if spec.guests:
        top = _seat(scene, spec.guests, (left, top, right, bottom))
    if spec.captions:
        bottom = _write_captions(scene, spec.captions, (left, top, right, bottom))
    if spec.first_frame is not None:
        inset = _inset((left, top, right, max(top + 1, bottom)), size)
        _tile(scene, _picture(spec.first_frame), inset)
        if spec.height_px > spec.width_px:
            top = inset[3] + left // 2
        else:
            left += inset[2]
    _write_prompt(scene, spec.prompt, _accent(*_look(spec)), (left, top, right, max(top + 1, bottom)))
    if spec.watermark:
        _sign(scene, height)
    return scene


def _inset(area: Box, size: tuple[int, int]) -> Box:
    """Return where the first frame stays: above the prompt in a portrait, left of it otherwise."""
    left, top, right, bottom = area
    share = (1.0, 0.5) if size[1] > size[0] else (0.5, 1.0)
    scale = min((right - left) * share[0] / size[0], (bottom - top) * share[1] / size[1])
    width, height = _px(size[0] * scale), _px(size[1] * scale)
    if size[1] <= size[0]:
        top += max(0, (bottom - top - height) // 2)
    return left, top, left + width, top + height


def panel_of(spec: VideoSpec, second: int) -> Image.Image:
    """Return the panel at the bottom while ``second`` (from 0) runs."""
    size = (spec.width_px, spec.height_px)
    unit, height = _unit(size), _panel_height(size)
    offset = spec.height_px - height
    panel = Image.new("RGB", (spec.width_px, height), PANEL)
    margin, face, base = _px(44 * unit), typeface(), _px(80 * unit)
    large, small = _px(58 * unit), _px(26 * unit)
    count = str(second + 1)
    face.draw(panel, (margin, base), count, large, _WHITE)
    after = margin + face.advance_em(count) * large + 10 * unit
    face.draw(panel, (after, base), f"/ {spec.seconds} s", _px(34 * unit), _GREY)
    for row, (text, colour) in enumerate(((_orientation(*size), _WHITE), (spec.label, _GREY))):
        text = face.spelled(cleaned(text[:40]))
        x = spec.width_px - margin - face.advance_em(text) * small
        face.draw(panel, (x, base - (36 - 36 * row) * unit), text, small, colour)
    lane = lane_of(size)
    bottom = lane[1] - 20 - offset if lane else height - 1
    step = (spec.width_px - 2 * margin + 6 * unit) / spec.seconds
    for index in range(spec.seconds):
        x = margin + index * step
        colour = TRACK if index > second else _accent(*_look(spec_at(spec, index)))
        end = max(round(x) + 1, round(x + step - 6 * unit))
        panel.paste(colour, (round(x), bottom - _px(8 * unit), end, bottom))
    if lane:
        panel.paste(TRACK, (lane[0], lane[1] - offset, lane[2], lane[3] - offset))
    return panel


def still_of(spec: ImageSpec) -> Image.Image:
    """Return the picture of a prompt: references first, then words."""
    size = width, height = (spec.width_px, spec.height_px)
    unit = _unit(size)
    scene = _gradient(spec.prompt, spec.seed, size)
    margin, left, top = _px(56 * unit), _px(56 * unit), _px(56 * unit)
    bottom = height - _px(96 * unit)
    if spec.references:
        split = (width // 2, height) if width > height else (width, height // 2)
        scene.paste(_cover(_picture(spec.references[0]), split), (0, 0))
        left, top = (left + split[0], top) if width > height else (left, top + split[1])
        others = spec.references[1:4]
        side = (width - left - margin - (2 * margin) // 4) // 3 if others else 0
        for index, data in enumerate(others):
            x = left + index * (side + margin // 4)
            _tile(scene, _picture(data), (x, top, x + side, top + side))
        top += side + margin // 2 if others else 0
    box = (left, top, max(left + 1, width - margin), max(top + 1, bottom))
    _write_prompt(scene, spec.prompt, _accent(spec.prompt, spec.seed), box)
    typeface().draw(scene, (left, height - 44 * unit), _orientation(width, height), _px(24 * unit), _MIST)
    return scene


def opening_of(spec: VideoSpec, first_frame: bytes) -> Image.Image:
    """Return the uploaded picture on the full frame, as the first second shows it."""
    scene = _cover(_picture(first_frame), (spec.width_px, spec.height_px))
    if spec.watermark:
        _sign(scene, spec.height_px)
    return scene
