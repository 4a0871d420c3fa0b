"""Bodies of uploads are what a client would send."""

from __future__ import annotations

from pathlib import Path

from benchmarks.transfers import multipart, padded, upload_file


def test_a_multipart_body_has_fields_and_the_file() -> None:
    """Fields first, the file's bytes as they are, and the end."""
    body = multipart("file", "a.mp4", "video/mp4", b"\r\n\x00", {"purpose": "vision"})
    assert b'name="purpose"\r\n\r\nvision\r\n' in body
    assert b'filename="a.mp4"\r\nContent-Type: video/mp4\r\n\r\n\r\n\x00\r\n--' in body
    assert body.endswith(b"--\r\n")


def test_padding_shrinks() -> None:
    """The last box is made smaller, in its short or its long form, and the others stay."""
    head = (12).to_bytes(4) + b"ftyp" + b"isom"
    short = head + (1000).to_bytes(4) + b"free" + bytes(992)
    long = head + (1).to_bytes(4) + b"free" + (1000).to_bytes(8) + bytes(984)
    expected = head + (88).to_bytes(4) + b"free" + bytes(80)
    assert padded(short, 100) == padded(long, 100) == padded(head, 100) == expected


def test_a_body_is_made_once(tmp_path: Path) -> None:
    """Each round sends the same bytes."""
    first = upload_file(tmp_path, "file", "a", "video/mp4", lambda: b"first")
    second = upload_file(tmp_path, "file", "a", "video/mp4", lambda: b"second")
    assert first.path.read_bytes() == second.path.read_bytes()
