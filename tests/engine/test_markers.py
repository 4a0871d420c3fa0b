"""A marker names its job and its attempt, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from sora_gateway.engine.markers import make_marker, parse_marker


@pytest.mark.parametrize("text", [None, "", "a title", "sg-", "sg-video_1", "sg--x", "sg-x-"])
def test_foreign_titles_are_no_markers(text: str | None) -> None:
    """Only what ``make_marker`` wrote is read as a marker."""
    assert parse_marker(text) is None


def test_round_trip() -> None:
    """A marker names its job and its attempt."""
    marker = parse_marker(make_marker("video_01k", "a1b2"))
    assert marker is not None
    assert (marker.job_id, marker.ticket) == ("video_01k", "a1b2")
