"""The journal survives a kill, torn line and all."""

from __future__ import annotations

from pathlib import Path

import pytest

from sora_gateway.simulator.journal import Journal


def _written(path: Path, *events: dict[str, object]) -> None:
    journal = Journal(path)
    list(journal.replay())
    journal.open()
    for event in events:
        journal.append(event)
    journal.close()
    journal.close()


def test_events_come_back_in_order(tmp_path: Path) -> None:
    """Two runs write one history, whatever the letters."""
    path = tmp_path / "journal"
    _written(path, {"n": 1, "text": "船\n"})
    _written(path, {"n": 2})
    assert list(Journal(path).replay()) == [{"n": 1, "text": "船\n"}, {"n": 2}]


@pytest.mark.parametrize("torn", [b'{"n": 3', b'{"n": 3}', b"[]\n", b"\xff\n"])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    """What was not written whole never happened, and the next event starts a line of its own."""
    path = tmp_path / "journal"
    _written(path, {"n": 1}, {"n": 2})
    with path.open("ab") as file:
        file.write(torn)
    assert list(Journal(path).replay()) == [{"n": 1}, {"n": 2}]
    _written(path, {"n": 4})
    assert list(Journal(path).replay()) == [{"n": 1}, {"n": 2}, {"n": 4}]


def test_damage_in_the_middle_is_an_error(tmp_path: Path) -> None:
    """A bad line with good ones after it is no torn write; nothing is thrown away."""
    path = tmp_path / "journal"
    path.write_bytes(b'{"n":1}\nnonsense\n{"n":2}\n')
    with pytest.raises(ValueError, match="damaged at byte 8"):
        list(Journal(path).replay())
    assert path.stat().st_size == 25


def test_without_a_path_nothing_is_kept() -> None:
    """The same calls, no file."""
    journal = Journal(None)
    assert list(journal.replay()) == []
    journal.open()
    journal.append({"n": 1})
    journal.close()
