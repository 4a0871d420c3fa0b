"""Ids: they sort by time and are hard to guess."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from sora_gateway.kit.ids import new_id, new_secret

moments_ms = st.integers(0, 2**45)


@given(st.lists(moments_ms, min_size=2, max_size=6, unique=True))
def test_ids_sort_by_the_millisecond(moments: list[int]) -> None:
    """Whatever the random part, later ids sort behind earlier ones."""
    ids = [new_id("video", lambda at=at: at / 1000 + 0.0001) for at in sorted(moments)]  # type: ignore[misc]
    assert ids == sorted(ids)


def test_form() -> None:
    """A prefix, then 26 lower-case letters and digits, as file links of google-genai need them."""
    assert re.fullmatch(r"video_[0-9a-z]{26}", new_id("video"))
    assert len({new_id("video", lambda: 1.0) for _ in range(1000)}) == 1000


def test_secrets() -> None:
    """256 random bits behind the prefix."""
    secret = new_secret("sg-")
    assert re.fullmatch(r"sg-[A-Za-z0-9_-]{43}", secret)
    assert secret != new_secret("sg-")
