"""Read the pages of ``docs``: fenced blocks, tables, links."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = tuple(sorted(DOCS.glob("*.md")))

_BLOCK = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")
_CELL_END = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: ``bash``, ``python`` or ``js``, what is expected of it, its text and its first line.

    ``run`` in the info string: it is run and must succeed. ``refused CODE``: its last call must be refused
    with that code. A title in brackets: it is one of the original document, with placeholders.
    """

    language: str
    words: tuple[str, ...]
    text: str
    line: int

    @property
    def is_run(self) -> bool:
        """Tell whether the block is run as it stands."""
        return bool(self.words) and self.words[0] in ("run", "refused")

    @property
    def refused(self) -> str | None:
        """The code that the block is refused with, None if it must succeed."""
        return self.words[1] if self.words[:1] == ("refused",) else None

    @property
    def title(self) -> str | None:
        """The title in brackets, None without one."""
        words = " ".join(self.words)
        return words[1:-1] if words.startswith("[") else None


def blocks(page: Path) -> tuple[Block, ...]:
    """Return all fenced blocks of a page, in order."""
    text = page.read_text()
    found = []
    for match in _BLOCK.finditer(text):
        language, *words = match["info"].split() or [""]
        line = text.count("\n", 0, match.start()) + 2
        found.append(Block(language, tuple(words), match["text"], line))
    return tuple(found)


def prose(page: Path) -> str:
    """Return the page without its fenced blocks."""
    return _BLOCK.sub("", page.read_text())


def table(page: str, *head: str) -> list[tuple[str, ...]]:
    """Return the rows of the one table of ``docs/{page}`` that begins with the columns ``head``."""
    lines = prose(DOCS / page).splitlines()
    starts = [number for number, line in enumerate(lines) if cells(line)[: len(head)] == head]
    assert len(starts) == 1, f"{page} has {len(starts)} tables with the columns {head}"
    rows = []
    for line in lines[starts[0] + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(cells(line))
    return rows


def cells(line: str) -> tuple[str, ...]:
    """Return the cells of a table's line; empty for any other line."""
    if not line.startswith("|"):
        return ()
    return tuple(cell.strip().replace("\\|", "|") for cell in _CELL_END.split(line.strip())[1:-1])


def code(cell: str) -> str:
    """Return the one piece of code in a cell, or the cell itself."""
    found = codes(cell)
    return found[0] if len(found) == 1 else cell


def codes(cell: str) -> Sequence[str]:
    """Return all pieces of code in a text."""
    return _CODE.findall(cell)
