"""Parts of a padded file, never more than a chunk in memory."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import pytest

from sora_gateway.simulator.files import ServedFile, free_box_header, padding_for


def _file(tmp_path: Path, padding: int = 40) -> ServedFile:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    return ServedFile(path=path, path_bytes=10, media_type="video/mp4", padding_bytes=padding)


async def _read(file: ServedFile, start: int, stop: int) -> bytes:
    return b"".join([chunk async for chunk in file.read(start, stop)])


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 50), (0, 10), (3, 5), (5, 12), (10, 26), (12, 40), (30, 50), (49, 50), (7, 7)]
)
async def test_any_part_is_that_part_of_the_whole(tmp_path: Path, start: int, stop: int) -> None:
    """Across the border of file, header and zeros."""
    whole = b"0123456789" + free_box_header(40) + bytes(24)
    file = _file(tmp_path)
    assert file.size_bytes == len(whole) == 50
    assert await _read(file, start, stop) == whole[start:stop]


def test_the_box_header_tells_the_whole_length() -> None:
    """A large-size box: 1, `free`, 64-bit length."""
    assert struct.unpack(">I4sQ", free_box_header(5_000_000_000)) == (1, b"free", 5_000_000_000)


@pytest.mark.parametrize(
    ("has", "wants", "padding"), [(10, 0, 0), (10, 10, 0), (10, 25, 0), (10, 26, 16), (10, 99, 89)]
)
def test_padding(has: int, wants: int, padding: int) -> None:
    """A box needs room for its header."""
    assert padding_for(has, wants) == padding


async def test_memory_stays_flat(tmp_path: Path) -> None:
    """A gigabyte passes through less than two megabytes."""
    file = _file(tmp_path, 1_000_000_000)
    tracemalloc.start()
    try:
        total = 0
        async for chunk in file.read(0, file.size_bytes):
            total += len(chunk)
        assert total == file.size_bytes
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


async def test_a_file_that_shrank_is_an_error(tmp_path: Path) -> None:
    """Better no answer than a wrong one."""
    file = _file(tmp_path)
    file.path.write_bytes(b"0123")
    with pytest.raises(OSError, match="shorter"):
        await _read(file, 0, 10)
