"""Which bytes an answer carries: the table, at both ends."""

from __future__ import annotations

import pytest

from sora_gateway.web.ranges import Part, Selection, Unchanged, Unsatisfiable, Whole, select

WHOLE, UNCHANGED, UNSATISFIABLE = Whole(), Unchanged(), Unsatisfiable()


def _part(start: int, end: int) -> Part:
    return Part(start=start, end=end)


@pytest.mark.parametrize(
    ("asked", "selection"),
    [
        ("bytes=0-0", _part(0, 1)),
        ("bytes=0-99", _part(0, 100)),
        ("bytes=0-100", _part(0, 100)),
        ("bytes=0-999999999999999999", _part(0, 100)),
        ("bytes=99-99", _part(99, 100)),
        ("bytes=99-", _part(99, 100)),
        ("bytes=0-", _part(0, 100)),
        ("bytes=50-59", _part(50, 60)),
        ("bytes=-1", _part(99, 100)),
        ("bytes=-100", _part(0, 100)),
        ("bytes=-101", _part(0, 100)),
        ("Bytes = 1 - 2", _part(1, 3)),
        ("bytes=100-", UNSATISFIABLE),
        ("bytes=100-200", UNSATISFIABLE),
        ("bytes=-0", UNSATISFIABLE),
        ("bytes=5-4", WHOLE),
        ("bytes=-", WHOLE),
        ("bytes=", WHOLE),
        ("bytes=a-b", WHOLE),
        ("bytes=0-1,5-6", WHOLE),
        ("lines=0-1", WHOLE),
        ("bytes=0-9999999999999999999999", WHOLE),
        ("", WHOLE),
    ],
)
def test_single_ranges(asked: str, selection: Selection) -> None:
    """First, last, suffix and open ranges of a file of 100 bytes."""
    assert select({"range": asked}, etag='"e"', size_bytes=100) == selection


@pytest.mark.parametrize(("asked", "selection"), [("bytes=0-", UNSATISFIABLE), ("bytes=-5", UNSATISFIABLE)])
def test_empty_file(asked: str, selection: Selection) -> None:
    """An empty file has no range."""
    assert select({"range": asked}, etag='"e"', size_bytes=0) == selection
    assert select({}, etag='"e"', size_bytes=0) == WHOLE


@pytest.mark.parametrize(
    ("headers", "selection"),
    [
        ({"range": "bytes=0-9", "if-range": '"e"'}, _part(0, 10)),
        ({"range": "bytes=0-9", "if-range": '"other"'}, WHOLE),
        ({"range": "bytes=0-9", "if-range": 'W/"e"'}, WHOLE),
        ({"range": "bytes=0-9", "if-range": "Sun, 22 Nov 2026 18:00:00 GMT"}, WHOLE),
        ({"if-none-match": '"e"'}, UNCHANGED),
        ({"if-none-match": 'W/"e"'}, UNCHANGED),
        ({"if-none-match": '"a", "e"'}, UNCHANGED),
        ({"if-none-match": "*"}, UNCHANGED),
        ({"if-none-match": '"a"'}, WHOLE),
        ({"if-none-match": '"e"', "range": "bytes=0-9"}, UNCHANGED),
        ({"if-none-match": '"a"', "range": "bytes=0-9"}, _part(0, 10)),
    ],
)
def test_validators(headers: dict[str, str], selection: Selection) -> None:
    """A range of another version is the whole; what is known is not sent."""
    assert select(headers, etag='"e"', size_bytes=100) == selection
