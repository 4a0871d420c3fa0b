"""Set prompts of any script in letters that can be read.

Latin text is set in the typeface that Pillow carries (ASCII and a little more). All else is looked for in
fonts of the system (``FONT_FILES``). Where none has a character, a plainer one stands for it (e for é); if
there is none either, its code point is written in small hexadecimal digits in the place of the character: the
prompt can still be checked from the picture, which empty boxes would not allow. No CJK font is required
through pip, since the wheels that carry one weigh 30 MB and more; Debian's ``fonts-wqy-microhei`` (2 MB to
fetch) is enough to read Chinese.
"""

import functools
import itertools
import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_CODE_POINT_EM = 0.86
LINE_HEIGHT = 1.28  # in units of the type size

# (file, face within the file), in order of preference. Face 2 of Noto's collection is Simplified Chinese.
FONT_FILES: tuple[tuple[str, int], ...] = (
    ("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", 0),
    ("/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf", 0),
    ("/usr/share/fonts/TTF/DejaVuSans.ttf", 0),
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/wqy-microhei/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),
    ("/usr/share/fonts/wqy-zenhei/wqy-zenhei.ttc", 0),
    ("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", 0),
    ("/System/Library/Fonts/PingFang.ttc", 0),
    ("/System/Library/Fonts/Hiragino Sans GB.ttc", 0),
    ("/System/Library/Fonts/STHeiti Light.ttc", 0),
    ("/System/Library/Fonts/Supplemental/Arial Unicode.ttf", 0),
    ("/Library/Fonts/Arial Unicode.ttf", 0),
    ("C:/Windows/Fonts/msyh.ttc", 0),
    ("C:/Windows/Fonts/arial.ttf", 0),
)

_PROMPT_CHARACTERS = 1_200  # more is never legible in one picture, and cutting first keeps long prompts cheap
_WIDE = "\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U0001f000-\U0003ffff"
_CLOSING = ",.;:!?)，。、；：？！）】》」』〕”’…％"
_PLAIN = {
    **dict.fromkeys("‐‑‒–—―−", "-"),
    "×": "x",
    "。": ".",
    "、": ",",
    "「": '"',
    "」": '"',
    "《": "<",
    "》": ">",
    "ß": "ss",
    "æ": "ae",
    "Æ": "AE",
    "ø": "o",
    "Ø": "O",
    "œ": "oe",
    "ł": "l",
    "đ": "d",
    "ı": "i",
}
_TOKEN = re.compile(rf"[^\S\n]+|[{_WIDE}][{_CLOSING}]*|[^\s{_WIDE}]+[{_CLOSING}]*")


class Typeface:
    """Letters in the first font that has them; a code point in small digits where none has."""

    def __init__(self, files: Iterable[tuple[str, int]] = FONT_FILES) -> None:
        self._files: tuple[tuple[str, int] | None, ...] = (None, *(f for f in files if Path(f[0]).is_file()))
        self._fonts: dict[tuple[int, int], Font] = {}
        self._advances: dict[str, tuple[int | None, float]] = {}
        self._lock = threading.RLock()  # FreeType's faces are not made for two threads

    def advance_em(self, text: str) -> float:
        """Return the width of ``text`` in units of the type size, a little rounded up."""
        return sum(self._look_up(character)[1] for character in text)

    def has(self, text: str) -> bool:
        """Whether every character has a letter form here."""
        return all(self._look_up(character)[0] is not None for character in text)

    def spelled(self, text: str) -> str:
        """Return ``text`` with plainer characters where that saves a code point: é as e, a dash as -."""
        return "".join(character if self.has(character) else self._plain(character) for character in text)

    def draw(
        self, image: Image.Image, at: tuple[float, float], text: str, size_px: int, fill: Colour
    ) -> None:
        """Draw one line of ``text`` with its base line starting at ``at``."""
        with self._lock:
            pen = ImageDraw.Draw(image)
            x, y = at
            for index, run in self._runs(text):
                if index is None:
                    x += self._draw_code_point(pen, (x, y), run, size_px, fill)
                else:
                    font = self._font(index, size_px)
                    pen.text((x, y), run, fill=fill, font=font, anchor="ls")
                    x += font.getlength(run)

    def wrap(self, text: str, width_em: float) -> list[str]:
        """Break ``text`` into lines no wider than ``width_em``; a word that is too long is cut."""
        lines, line, room = [], "", width_em
        for token in _TOKEN.findall(text):
            piece, width = token, self.advance_em(token)
            if width > room and line.strip():
                lines.append(line.rstrip())
                line, room = "", width_em
            while width > width_em and len(piece) > 1:
                count = self._fitting(piece, width_em)
                lines.append(piece[:count])
                piece = piece[count:]
                width = self.advance_em(piece)
            if line or not piece.isspace():
                line, room = line + piece, room - width
        return [*lines, line.rstrip()] if line.strip() else lines

    def fit(
        self, text: str, width_px: int, height_px: int, sizes_px: tuple[int, int]
    ) -> tuple[int, list[str]]:
        """Return the largest type size that fits the box, and the lines.

        Args:
            sizes_px: the smallest and the largest size to try. Text that is too long even for the smallest
                ends with an ellipsis.
        """
        smallest, size = sizes_px
        lines = self.wrap(text, width_px / size)
        while size > smallest and len(lines) * size * LINE_HEIGHT > height_px:
            size = max(smallest, min(size - 1, int(size * 0.9)))
            lines = self.wrap(text, width_px / size)
        most = max(1, int(height_px / (size * LINE_HEIGHT)))
        if len(lines) > most:
            kept = lines[most - 1][: self._fitting(lines[most - 1], width_px / size - 1)]
            lines = [*lines[: most - 1], kept.rstrip() + "…"]
        return size, lines

    def _plain(self, character: str) -> str:
        parts = unicodedata.normalize("NFKD", _PLAIN.get(character, character))
        plain = "".join(part for part in parts if not unicodedata.combining(part))
        return plain if plain and self.has(plain) else character

    def _fitting(self, text: str, width_em: float) -> int:
        widths = itertools.accumulate(self._look_up(character)[1] for character in text)
        return max(1, sum(1 for width in widths if width <= width_em))

    def _runs(self, text: str) -> Iterator[tuple[int | None, str]]:
        font_of: dict[int, int | None] = {}
        index: int | None = 0
        for position, character in enumerate(text):
            if not (unicodedata.combining(character) and index is not None):
                index = self._look_up(character)[0]
            font_of[position] = index
        for index, group in itertools.groupby(range(len(text)), font_of.__getitem__):
            run = "".join(text[position] for position in group)
            yield from ((None, character) for character in run) if index is None else ((index, run),)

    def _look_up(self, character: str) -> tuple[int | None, float]:
        known = self._advances.get(character)
        if known is None:
            with self._lock:
                known = self._advances[character] = self._measure(character)
        return known

    def _measure(self, character: str) -> tuple[int | None, float]:
        if unicodedata.category(character) not in {"Cs", "Co", "Cn"}:
            for index in range(len(self._files)):
                font = self._font(index, 64)
                if character.isspace() or _ink(font, character) != _ink(font, "\uffff"):
                    return index, font.getlength(character) / 64 * 1.01
        return None, _CODE_POINT_EM

    def _font(self, index: int, size_px: int) -> Font:
        font = self._fonts.get((index, size_px))
        if font is None:
            if len(self._fonts) > 200:
                self._fonts.clear()
            font = self._fonts[index, size_px] = self._load(self._files[index], size_px)
        return font

    @staticmethod
    def _load(file: tuple[str, int] | None, size_px: int) -> Font:
        if file is None:
            return ImageFont.load_default(size_px)
        return ImageFont.truetype(file[0], size_px, index=file[1])

    def _draw_code_point(
        self, pen: ImageDraw.ImageDraw, at: tuple[float, float], character: str, size_px: int, fill: Colour
    ) -> float:
        digits = f"{ord(character):04X}"
        digits = digits.rjust(len(digits) + len(digits) % 2, "0")
        half = len(digits) // 2
        font = self._font(0, max(1, round(size_px * (0.46 if half == 2 else 0.34))))
        for row, y in ((digits[:half], at[1] - 0.40 * size_px), (digits[half:], at[1] + 0.02 * size_px)):
            pen.text((at[0] + 0.4 * size_px, y), row, fill=fill, font=font, anchor="ms")
        return _CODE_POINT_EM * size_px


def _ink(font: Font, character: str) -> tuple[tuple[int, int], bytes]:
    mask = Image.new("L", (80, 96))
    ImageDraw.Draw(mask).text((8, 72), character, fill=255, font=font, anchor="ls")
    return (round(font.getlength(character)), 0), mask.tobytes()


@functools.cache
def typeface() -> Typeface:
    return Typeface()


def cleaned(prompt: str) -> str:
    """Return ``prompt`` cut to a legible length, in one line, without characters that have no picture."""
    text = unicodedata.normalize("NFC", prompt[:_PROMPT_CHARACTERS])
    text = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text if not _is_invisible(c))
    return " ".join(text.split()) + ("…" if len(prompt) > _PROMPT_CHARACTERS else "")


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f"
