"""The end of an append-only file is taken back at the moment that is asked for, and nowhere else."""

from __future__ import annotations

from pathlib import Path

from tests.functional.chaos.cutting import cut, loss_of

SET = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
SELECT = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
DATA = b"#TS:100\r\n" + SELECT + SET + b"#TS:101\r\n" + SET + SET + b"#TS:104\r\n" + SET


def test_whole_seconds_go() -> None:
    """Everything from the first stamp on that is not older goes; the rest ends with a whole command."""
    loss = loss_of(DATA, 101.0)
    assert loss is not None
    assert (DATA[: loss.offset], loss.since) == (b"#TS:100\r\n" + SELECT + SET, 101.0)


def test_a_quiet_second_is_skipped() -> None:
    """Between two stamps nothing was written, so the later one is where the loss begins."""
    loss = loss_of(DATA, 102.3)
    assert loss is not None
    assert loss.since == 104.0
    assert DATA[loss.offset :] == b"#TS:104\r\n" + SET


def test_everything_may_go_or_nothing() -> None:
    """A file that begins later goes whole; one that ended earlier stays."""
    loss = loss_of(DATA, 50.0)
    assert loss is not None
    assert loss.offset == 0
    assert loss_of(DATA, 105.0) is None


def test_the_newest_file_is_cut(tmp_path: Path) -> None:
    """After a rewrite the server goes on in another file: that is the one that ends with the last writes."""
    for number, data in (("2", b"#TS:90\r\n" + SET), ("10", DATA)):
        (tmp_path / f"appendonly.aof.{number}.incr.aof").write_bytes(data)
    loss = cut(tmp_path, 104.0)
    assert loss is not None
    assert (tmp_path / "appendonly.aof.10.incr.aof").read_bytes() == DATA[: loss.offset]
    assert (tmp_path / "appendonly.aof.2.incr.aof").read_bytes() == b"#TS:90\r\n" + SET
